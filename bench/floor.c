/*
 * floor.c - the least a server of this kind can cost: an io_uring server that splits lines and answers a constant
 *
 * It receives and sends as Karma's workers do: one ring with the same flags, multishot receives into provided buffers, one
 * send for each connection and round, one system call that gives and takes. But a line is only looked for, not read; there
 * is no engine, no log, no limit, no care for slow readers. So what Karma's CPU per request is above this server's is what
 * Karma's own work costs, and the rest is the kernel's TCP.
 *
 *   floor --port=N [--cpu=N]      listens on 127.0.0.1 until it is ended by a signal
 *
 * A client that does not read its replies ends its connection here: OUT_BYTES of them are kept.
 */
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kit/machine.h"
#include "kit/must.h"
#include "kit/options.h"

enum {
	CONNS_MAX = 4096, /* descriptors above are refused */
	OUT_BYTES = 256 * 1024,
	BUFFERS = 1024,
	BUFFER_BYTES = 16 * 1024,
	SUBMISSIONS = 512,
	BACKLOG = 4096,
};

enum operation { OPERATION_ACCEPT, OPERATION_RECEIVE, OPERATION_SEND };

static const char reply[] = "{\"success\":true,\"response\":1}\r\n";
enum { REPLY_BYTES = sizeof(reply) - 1 };

/* A slot is a descriptor's number. What is being sent is in one half of `out`, what is gathered meanwhile in the other. */
struct conn {
	char *out[2];
	size_t bytes[2];
	size_t sent;
	unsigned half; /* that is gathered in */
	bool receiving, sending, touched, closing;
};

static struct server {
	struct io_uring ring;
	struct io_uring_buf_ring *buffer_ring;
	char *buffers;
	int listener;
	struct conn conns[CONNS_MAX];
	int touched[CONNS_MAX];
	unsigned touched_count;
} server;

/* Marked already: preparing it leaves user_data alone. */
static struct io_uring_sqe *
sqe_get(enum operation operation, int fd)
{
	struct io_uring_sqe *sqe;

	while ((sqe = io_uring_get_sqe(&server.ring)) == NULL)
		(void)io_uring_submit(&server.ring);
	io_uring_sqe_set_data64(sqe, (uint64_t)operation << 32 | (uint32_t)fd);
	return sqe;
}

static void
arm_accept(void)
{
	io_uring_prep_multishot_accept(sqe_get(OPERATION_ACCEPT, server.listener), server.listener, NULL, NULL,
	                               SOCK_CLOEXEC);
}

static void
arm_receive(int fd)
{
	struct io_uring_sqe *sqe = sqe_get(OPERATION_RECEIVE, fd);

	io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	server.conns[fd].receiving = true;
}

static void
touch(int fd)
{
	if (!server.conns[fd].touched)
		server.touched[server.touched_count++] = fd;
	server.conns[fd].touched = true;
}

static void
conn_open(int fd)
{
	if (fd >= CONNS_MAX) {
		(void)close(fd);
		return;
	}
	struct conn *conn = &server.conns[fd];

	for (int i = 0; i < 2 && conn->out[i] == NULL; i++) {
		conn->out[i] = malloc(OUT_BYTES);
		must(conn->out[i] == NULL ? -ENOMEM : 0, "memory");
	}
	conn->bytes[0] = conn->bytes[1] = conn->sent = 0;
	conn->sending = conn->closing = false;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	arm_receive(fd);
}

/* The whole work of this server. */
static void
answer_lines(struct conn *conn, const char *data, size_t bytes)
{
	const char *end = data + bytes;
	char *out = conn->out[conn->half];

	while ((data = memchr(data, '\n', (size_t)(end - data))) != NULL) {
		data++;
		if (conn->bytes[conn->half] + REPLY_BYTES > OUT_BYTES) {
			conn->closing = true;
			return;
		}
		memcpy(out + conn->bytes[conn->half], reply, REPLY_BYTES);
		conn->bytes[conn->half] += REPLY_BYTES;
	}
}

static void
received(int fd, const struct io_uring_cqe *cqe)
{
	struct conn *conn = &server.conns[fd];

	if (cqe->res > 0) {
		const uint16_t index = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
		char *data = server.buffers + (size_t)index * BUFFER_BYTES;

		answer_lines(conn, data, (size_t)cqe->res);
		io_uring_buf_ring_add(server.buffer_ring, data, BUFFER_BYTES, index, io_uring_buf_ring_mask(BUFFERS),
		                      0);
		io_uring_buf_ring_advance(server.buffer_ring, 1);
	} else if (cqe->res != -ENOBUFS) {
		conn->closing = true;
	}
	conn->receiving = (cqe->flags & IORING_CQE_F_MORE) != 0;
	if (!conn->receiving && !conn->closing)
		arm_receive(fd);
	touch(fd);
}

static void
sent(int fd, int result)
{
	struct conn *conn = &server.conns[fd];

	conn->sending = false;
	if (result < 0)
		conn->closing = true;
	else
		conn->sent += (size_t)result;
	touch(fd);
}

/* Once a round for each connection that had an event. */
static void
settle(int fd)
{
	struct conn *conn = &server.conns[fd];
	unsigned other = conn->half ^ 1;

	conn->touched = false;
	if (conn->sending)
		return;
	if (conn->closing && conn->receiving) {
		(void)shutdown(fd, SHUT_RDWR); /* ends the receive, which comes back here */
		return;
	}
	if (conn->closing) {
		(void)close(fd);
		return;
	}
	if (conn->sent == conn->bytes[other]) {
		if (conn->bytes[conn->half] == 0)
			return;
		conn->bytes[other] = conn->sent = 0;
		conn->half = other;
		other ^= 1;
	}
	conn->sending = true;
	io_uring_prep_send(sqe_get(OPERATION_SEND, fd), fd, conn->out[other] + conn->sent,
	                   conn->bytes[other] - conn->sent, MSG_NOSIGNAL);
}

static void
round_once(void)
{
	struct io_uring_cqe *cqe;
	unsigned head, seen = 0;

	(void)io_uring_submit_and_wait(&server.ring, 1);
	io_uring_for_each_cqe(&server.ring, head, cqe)
	{
		const int fd = (int)(uint32_t)cqe->user_data;

		seen++;
		switch ((enum operation)(cqe->user_data >> 32)) {
		case OPERATION_ACCEPT:
			if (cqe->res >= 0)
				conn_open(cqe->res);
			if ((cqe->flags & IORING_CQE_F_MORE) == 0)
				arm_accept();
			break;
		case OPERATION_RECEIVE:
			received(fd, cqe);
			break;
		case OPERATION_SEND:
			sent(fd, cqe->res);
			break;
		}
	}
	io_uring_cq_advance(&server.ring, seen);
	for (unsigned i = 0; i < server.touched_count; i++)
		settle(server.touched[i]);
	server.touched_count = 0;
}

static void
setup(uint16_t port)
{
	struct io_uring_params params = { .flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL |
		                                   IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
		                                   IORING_SETUP_COOP_TASKRUN,
		                          .cq_entries = 8 * SUBMISSIONS };
	const struct sockaddr_in address = { .sin_family = AF_INET,
		                             .sin_port = htons(port),
		                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	must(io_uring_queue_init_params(SUBMISSIONS, &server.ring, &params), "io_uring");
	(void)io_uring_register_ring_fd(&server.ring);
	server.buffer_ring = mmap(NULL, BUFFERS * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE,
	                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	server.buffers = malloc((size_t)BUFFERS * BUFFER_BYTES);
	must(server.buffer_ring == MAP_FAILED || server.buffers == NULL ? -ENOMEM : 0, "memory");
	struct io_uring_buf_reg registration = { .ring_addr = (uint64_t)(uintptr_t)server.buffer_ring,
		                                 .ring_entries = BUFFERS };

	must(io_uring_register_buf_ring(&server.ring, &registration, 0), "buffer ring");
	io_uring_buf_ring_init(server.buffer_ring);
	for (uint16_t i = 0; i < BUFFERS; i++)
		io_uring_buf_ring_add(server.buffer_ring, server.buffers + (size_t)i * BUFFER_BYTES, BUFFER_BYTES, i,
		                      io_uring_buf_ring_mask(BUFFERS), i);
	io_uring_buf_ring_advance(server.buffer_ring, BUFFERS);
	server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(server.listener < 0 ? -errno : 0, "socket");
	(void)setsockopt(server.listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	must(bind(server.listener, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0, "bind");
	must(listen(server.listener, BACKLOG) < 0 ? -errno : 0, "listen");
	arm_accept();
}

int
main(int argc, char **argv)
{
	uint64_t port = 0, cpu = CPU_SETSIZE; /* none */
	const struct program_option table[] = {
		{ "port", OPTION_NUMBER, .number = &port, .min = 1, .max = UINT16_MAX,
		  .help = "where to listen, on 127.0.0.1; it has to be given" },
		{ "cpu", OPTION_NUMBER, .number = &cpu, .max = CPU_SETSIZE - 1, .help = "processor to run on" },
	};
	const struct program program = {
		.name = "floor",
		.summary = "Answers every line with a constant: the least a server of this kind can cost.",
		.options = table,
		.option_count = sizeof(table) / sizeof(table[0]),
		.no_figures = true,
	};

	(void)options_parse(&program, argc, argv);
	if (port == 0) {
		(void)fprintf(stderr, "floor: --port=N is needed; see --help\n");
		return 2;
	}
	if (cpu < CPU_SETSIZE)
		must(machine_pin_to((unsigned)cpu), "--cpu");
	setup((uint16_t)port);
	for (;;)
		round_once();
}
