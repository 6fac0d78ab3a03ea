/*
 * dump_name.h - names of files that are not dumps yet; those of dumps are in dump_file.h
 */
#pragma once

/* A new random name, ".tmp-" and 16 digits: dump_name_is_temporary(). ret holds DUMP_FILE_NAME_MAX + 1 bytes. 0 or negative
 * errno. */
int dump_name_temporary(char *ret);
