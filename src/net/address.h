/*
 * address.h - socket addresses as text
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct address_text {
	char text[112];
};

/* "127.0.0.1:8080", "[::1]:8080", "unix" or "unknown". Returns ret->text. */
const char *address_format(const struct sockaddr *address, socklen_t bytes, struct address_text *ret);

/* The other end of a connection. */
const char *address_of_peer(int fd, struct address_text *ret);

/*
 * Whether only this machine reaches what listens there: 127.0.0.0/8, ::1, localhost. Of other names false, whatever they may
 * lead to: 127.example.com is any machine.
 */
bool address_is_local(const char *bind);

/* The port of an IPv4 or IPv6 address. */
uint16_t address_port(const struct sockaddr *address);
