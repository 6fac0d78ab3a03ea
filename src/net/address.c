#include "net/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Copied out: the caller's memory is only known to be as aligned as a sockaddr. */
uint16_t
address_port(const struct sockaddr *address)
{
	in_port_t port;

	static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port),
	              "one place for both");
	memcpy(&port, (const char *)address + offsetof(struct sockaddr_in, sin_port), sizeof(port));
	return ntohs(port);
}

const char *
address_format(const struct sockaddr *address, socklen_t bytes, struct address_text *ret)
{
	char host[INET6_ADDRSTRLEN];
	struct sockaddr_in6 inet6;
	struct sockaddr_in inet;

	(void)snprintf(ret->text, sizeof(ret->text), "unknown");
	if (address->sa_family == AF_UNIX) {
		(void)snprintf(ret->text, sizeof(ret->text), "unix");
	} else if (address->sa_family == AF_INET && bytes >= sizeof(inet)) {
		memcpy(&inet, address, sizeof(inet));
		if (inet_ntop(AF_INET, &inet.sin_addr, host, sizeof(host)) != NULL)
			(void)snprintf(ret->text, sizeof(ret->text), "%s:%u", host, address_port(address));
	} else if (address->sa_family == AF_INET6 && bytes >= sizeof(inet6)) {
		memcpy(&inet6, address, sizeof(inet6));
		if (inet_ntop(AF_INET6, &inet6.sin6_addr, host, sizeof(host)) != NULL)
			(void)snprintf(ret->text, sizeof(ret->text), "[%s]:%u", host, address_port(address));
	}
	return ret->text;
}

const char *
address_of_peer(int fd, struct address_text *ret)
{
	struct sockaddr_storage storage = { .ss_family = AF_UNSPEC };
	socklen_t bytes = sizeof(storage);

	/* A failure leaves the family as it is, which reads "unknown". */
	(void)getpeername(fd, (struct sockaddr *)&storage, &bytes);
	return address_format((const struct sockaddr *)&storage, bytes, ret);
}

bool
address_is_local(const char *bind)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, bind, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
	if (inet_pton(AF_INET6, bind, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return strcmp(bind, "localhost") == 0;
}
