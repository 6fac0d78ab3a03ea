/* A line of a known shape is decoded to what json_v1_decode() makes of it: generated lines, with other digits where the key
 * stands, with bytes changed.
 *
 *   test_json_v1_shape [SEED [CASES]]
 *
 * Without arguments the seed is new each time. A failure names the seed of its one case.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/json_v1_shape.h"
#include "request_generator.h"

enum { CASES_DEFAULT = 100000, VARIANTS = 6 };

struct outcome {
	bool taken;
	struct v1_request request;
	struct v1_fault fault;
};

static uint64_t case_seed;
static unsigned long known_count, taken_count;

static uint64_t
random_below(uint64_t *state, uint64_t bound)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state % bound;
}

static bool
same_text(struct text one, struct text other)
{
	return one.bytes == other.bytes && (one.bytes == 0 || memcmp(one.data, other.data, one.bytes) == 0);
}

static bool
same_request(const struct v1_request *one, const struct v1_request *other)
{
	return one->command == other->command && same_text(one->command_text, other->command_text) &&
	       one->has_tree == other->has_tree && (!one->has_tree || same_text(one->tree, other->tree)) &&
	       one->has_token == other->has_token && (!one->has_token || same_text(one->token, other->token)) &&
	       one->has_key == other->has_key && (!one->has_key || one->key == other->key) &&
	       one->has_from == other->has_from && (!one->has_from || one->from == other->from) &&
	       one->has_to == other->has_to && (!one->has_to || one->to == other->to);
}

/* Decodes a line both ways, each from a copy that ends where the line ends. Texts with escapes stand in the scratch. */
static void
compare(struct v1_shapes *shapes, const char *text, size_t bytes)
{
	char *line = malloc(bytes + 1), *memory = malloc(2 * bytes + 1);
	struct arena plain = { .data = memory, .capacity = bytes };
	struct arena shaped = { .data = memory + bytes, .capacity = bytes };
	struct outcome one, other;
	const uint32_t oldest = shapes->oldest;

	if (line == NULL || memory == NULL)
		abort();
	memcpy(line + 1, text, bytes);
	one.taken = json_v1_decode(line + 1, bytes, &plain, &one.request, &one.fault);
	other.taken = json_v1_decode_shaped(shapes, line + 1, bytes, &shaped, &other.request, &other.fault);
	if (one.taken != other.taken || (one.taken && !same_request(&one.request, &other.request)) ||
	    (!one.taken &&
	     (strcmp(one.fault.text, other.fault.text) != 0 || one.fault.foreign != other.fault.foreign))) {
		(void)fprintf(stderr, "test_json_v1_shape: seed %" PRIu64 ": not the same: %.*s\n", case_seed,
		              (int)bytes, text);
		exit(1);
	}
	taken_count += one.taken;
	known_count += one.taken && one.request.has_key && !one.request.has_token && oldest == shapes->oldest &&
	               shaped.used == 0 && bytes <= V1_SHAPE_BYTES_MAX;
	free(line);
	free(memory);
}

static const char *
random_digits(uint64_t *random, char *out, size_t bytes)
{
	static const char *const special[] = { "0",
		                               "00",
		                               "01",
		                               "18446744073709551615",
		                               "18446744073709551616",
		                               "9999999999999999999",
		                               "99999999999999999999",
		                               "1.0",
		                               "1e3",
		                               "-1",
		                               "",
		                               "1 ",
		                               " 1",
		                               "null",
		                               "\"1\"",
		                               "12x",
		                               "1\"" };
	const size_t count = sizeof(special) / sizeof(special[0]);

	if (random_below(random, 4) == 0)
		return special[random_below(random, count)];
	(void)snprintf(out, bytes, "%" PRIu64, random_below(random, UINT64_MAX) >> random_below(random, 64));
	return out;
}

/* The line with something else where the digits of its key stand. */
static void
vary_key(struct v1_shapes *shapes, uint64_t *random, const struct buffer *line, size_t key_at, size_t key_bytes)
{
	struct buffer other;
	char digits[24];
	const char *key = random_digits(random, digits, sizeof(digits));

	buffer_init(&other, SIZE_MAX);
	buffer_append(&other, line->data, key_at);
	buffer_append(&other, key, strlen(key));
	buffer_append(&other, line->data + key_at + key_bytes, line->bytes - key_at - key_bytes);
	if (random_below(random, 8) == 0 && other.bytes > 0)
		other.data[random_below(random, other.bytes)] = "\\\"}{,: 0a\x80"[random_below(random, 10)];
	if (other.failed)
		abort();
	if (other.bytes > 0)
		compare(shapes, other.data, other.bytes);
	buffer_deinit(&other);
}

static void
run_case(struct v1_shapes *shapes, uint64_t seed, struct buffer *line)
{
	uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	struct v1_request request;
	struct v1_fault fault;

	case_seed = seed;
	request_generate(seed, line);
	compare(shapes, line->data, line->bytes);
	char *memory = malloc(line->bytes + 1);
	struct arena scratch = { .data = memory, .capacity = line->bytes };

	if (memory == NULL)
		abort();
	if (json_v1_decode(line->data, line->bytes, &scratch, &request, &fault) && request.has_key) {
		const size_t key_at = request.key_offset;
		const size_t key_bytes = strspn(line->data + key_at, "0123456789");

		for (int i = 0; i < VARIANTS; i++)
			vary_key(shapes, &random, line, key_at, key_bytes);
	}
	free(memory);
}

/* What is kept is compared with lines of others. */
static void
tokens_are_not_kept(void)
{
	static const char *const lines[] = {
		"{\"command\":\"increment\",\"tree_name\":\"a\",\"key\":1,\"token\":\"secret\"}",
		"{\"token\":\"secret\",\"command\":\"increment\",\"tree_name\":\"a\",\"key\":1}",
	};
	static const struct v1_shapes nothing;
	static struct v1_shapes shapes;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		compare(&shapes, lines[i], strlen(lines[i]));
		if (memcmp(&shapes, &nothing, sizeof(shapes)) != 0) {
			(void)fprintf(stderr, "test_json_v1_shape: kept: %s\n", lines[i]);
			exit(1);
		}
	}
}

int
main(int argc, char **argv)
{
	const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL) * 1000003;
	const unsigned long cases = argc > 2 ? strtoul(argv[2], NULL, 10) : argc > 1 ? 1 : CASES_DEFAULT;
	static struct v1_shapes shapes;
	struct buffer line;

	tokens_are_not_kept();
	buffer_init(&line, SIZE_MAX);
	for (unsigned long i = 0; i < cases; i++) {
		memset(&shapes, 0, sizeof(shapes));
		run_case(&shapes, seed + i, &line);
	}
	buffer_deinit(&line);
	printf("%lu lines taken, %lu of them by a shape\n", taken_count, known_count);
	if (cases > 1000 && known_count < cases / 4) {
		(void)fprintf(stderr, "test_json_v1_shape: too few lines of a known shape to tell\n");
		return 1;
	}
	return 0;
}
