/*
 * ledger_file.h - `karma-ledger-<number>.records`: what the ledger says, in place of the log before a full dump
 *
 *   header    8 "KARMALED", 4 format 1, 4 zero, 16 identity of the directory, 8 XXH3 of these
 *   frames    4 bytes n of the payload, 4 records in it, 8 XXH3, payload: of each record 2 bytes of the body, body
 *   end       a frame of no records, whose payload is their number in the whole file (8 bytes); nothing stands behind it
 *
 * Numbers are little-endian. A frame's checksum is of its place in the file (8 bytes), its first 8 bytes and its payload, so
 * no frame counts elsewhere, and a file that was cut has no end. The bodies are those of the log's WAL_LEDGER records.
 *
 * Only the file that the manifest names counts.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "snapshot/dump_file.h"
#include "store/store.h"

enum { LEDGER_FILE_NAME_MAX = 48 };

/* The name of the file with this number (1 …), and back: false, it is no such name. */
void ledger_file_name(uint64_t number, char ret[LEDGER_FILE_NAME_MAX]);
bool ledger_file_number(const char *name, uint64_t *ret_number);

/*
 * Writes all that ledger gives to a new file, on disk when this returns. *ret_records is how many; when there are none, no file
 * is made. 0 or negative errno: then it may be there all the same, if only the directory could not be synced.
 */
int ledger_file_write(int directory_fd, uint64_t number, const uint8_t identity[DIRECTORY_IDENTITY_BYTES],
                      const struct store_ledger *ledger, uint64_t *ret_records);

/* Gives all bodies to visit. 0, or negative errno with *ret_fault, which names the file: -ENOMEM, -ENOENT, -EBADMSG (damaged,
 * or of another directory), or what reading it said; the bodies before were given then. */
int ledger_file_read(int directory_fd, uint64_t number, const uint8_t identity[DIRECTORY_IDENTITY_BYTES],
                     store_ledger_fn *visit, void *context, uint64_t *ret_records, struct store_fault *ret_fault);

/* Removes every such file but the one with this number (0: all). Returns how many. */
size_t ledger_files_forget(int directory_fd, uint64_t number);
