/*
 * json_v2_plain.h - arrays of unsigned integers, read as the decoder comes by; for the files of json_v2 only
 *
 * Each stands on the `[`. True: the array has been passed and stands in *ret, in the scratch arena. False: it is not of that
 * kind, or has more than V2_ITEMS_MAX elements, or there is no room; the scanner stands where it stood, nothing is taken, and
 * what is wrong, if anything is, is for others to say.
 */
#pragma once

#include "proto/json_scan.h"
#include "proto/json_v2.h"

bool v2_plain_keys(struct json_scan *scan, struct arena *scratch, struct v2_keys *ret);
bool v2_plain_items(struct json_scan *scan, struct arena *scratch, struct v2_items *ret);

/*
 * Passes an unsigned integer of 64 bits, digits alone. NULL when there is none, or it has a leading zero; what stands behind
 * it (a point, say) is not looked at.
 */
const char *v2_unsigned_end(const char *at, const char *end, uint64_t *ret);
