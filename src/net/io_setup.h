/*
 * io_setup.h - why a ring could not be made, in words
 */
#pragma once

struct server_fault;

/*
 * error: of io_uring_setup or a registration; release: the running kernel's, as uname says; disabled: the value of the
 * sysctl kernel.io_uring_disabled, or -1 when there is none.
 */
void io_setup_explain(int error, const char *release, int disabled, struct server_fault *ret_fault);
