/*
 * load_prepare.c - make the keys of servers that only count what exists
 *
 * All of them, over one connection, before any thread starts: a batch of requests out, then its replies in. A batch and
 * its replies are small enough for the sockets' buffers, so neither side has to wait for the other to read.
 */
#include "load/load_prepare.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load/load_connect.h"

enum {
	BATCH = 200,
	BATCH_BYTES_MAX = BATCH * LOAD_REQUEST_BYTES_MAX,
	INPUT_BYTES = BATCH * LOAD_REPLY_BYTES_MAX,
};

struct prepare {
	const struct load_language *language;
	struct load_form form;
	int fd;
	char out[BATCH_BYTES_MAX];
	char in[INPUT_BYTES];
};

static bool
complain(const char *what, int error)
{
	(void)fprintf(stderr, "karma-load: adding the keys: %s%s%s\n", what, error != 0 ? ": " : "",
	              error != 0 ? strerrordesc_np(error) : "");
	return false;
}

static bool
send_batch(struct prepare *prepare, uint64_t first, uint64_t count)
{
	size_t bytes = 0;

	for (uint64_t key = first; key < first + count; key++)
		bytes += load_form_write(&prepare->form, key, prepare->out + bytes);
	for (size_t sent = 0; sent < bytes;) {
		const ssize_t part = send(prepare->fd, prepare->out + sent, bytes - sent, MSG_NOSIGNAL);

		if (part < 0)
			return complain("sending failed", errno);
		sent += (size_t)part;
	}
	return true;
}

static bool
receive_batch(struct prepare *prepare, uint64_t count)
{
	size_t bytes = 0, taken = 0;

	while (count > 0) {
		const ssize_t received = recv(prepare->fd, prepare->in + bytes, sizeof(prepare->in) - bytes, 0);
		size_t reply_bytes;
		bool right;

		if (received <= 0)
			return complain(received < 0 ? "receiving failed"
			                             : "the server closed the connection or says too much",
			                received < 0 ? errno : 0);
		bytes += (size_t)received;
		while (count > 0 && taken < bytes &&
		       (reply_bytes = prepare->language->read_making(prepare->in + taken, bytes - taken, &right)) > 0) {
			if (!right) {
				(void)fprintf(stderr, "karma-load: adding the keys: wrong reply: %.*s\n",
				              (int)strcspn(prepare->in + taken, "\r\n"), prepare->in + taken);
				return false;
			}
			taken += reply_bytes;
			count--;
		}
	}
	return true;
}

static bool
make_all(struct prepare *prepare, uint64_t keys)
{
	for (uint64_t first = 0; first < keys; first += BATCH) {
		const uint64_t count = keys - first < BATCH ? keys - first : BATCH;

		if (!send_batch(prepare, first, count) || !receive_batch(prepare, count))
			return false;
	}
	return true;
}

bool
load_prepare(const struct load_options *options, const struct load_protocol *protocol)
{
	const uint64_t keys = options->key_choice == LOAD_HOT ? 1 : options->keys;
	char where[LOAD_WHERE_BYTES_MAX];

	if (protocol->language->lay_out_making == NULL)
		return true;
	if (keys > LOAD_PREPARE_KEYS_MAX) {
		(void)fprintf(stderr,
		              "karma-load: --keys=%" PRIu64 ": at most %" PRIu64 " can be added to %s before a run\n",
		              keys, LOAD_PREPARE_KEYS_MAX, protocol->language->name);
		return false;
	}
	struct prepare *prepare = malloc(sizeof(*prepare));

	if (prepare == NULL)
		return complain("no memory", 0);
	prepare->language = protocol->language;
	protocol->language->lay_out_making(&prepare->form, options->tree);
	prepare->fd = load_connect(options);
	const bool made =
	    prepare->fd < 0 ? complain(load_connect_describe(options, where), -prepare->fd) : make_all(prepare, keys);

	if (prepare->fd >= 0)
		(void)close(prepare->fd);
	free(prepare);
	return made;
}
