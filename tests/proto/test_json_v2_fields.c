/* Each field follows its rule, and what breaks it is told in upstream's words. */
#include "decoding_v2.h"

static void
version_is_the_integer_2(void **state)
{
	static const char *const wrong[] = { "{}",           "{\"v\":\"2\"}",      "{\"v\":2.0}",
		                             "{\"v\":null}", "{\"v\":1}",          "{\"v\":3}",
		                             "{\"v\":22}",   "{\"v\":-2}",         "{\"v\":2,\"v\":1}",
		                             "{\"v\":[2]}",  "{\"v\":99999999999}" };

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		takes(wrong[i]);
		assert_false(v2_is_version_2(&line));
	}
	takes("{\"v\":1,\"v\": 2 }");
	assert_true(v2_is_version_2(&line));
}

static void
series_or_tree(void **state)
{
	struct text text;
	char long_name[2 * TREE_NAME_BYTES_MAX];

	(void)state;
	takes("{\"series\":\"a\"}");
	assert_problem(v2_read_series(&line, &scratch, &text), NULL);
	assert_text(text, "a");
	takes("{\"series\":\"a\",\"tree\":\"b\\n\"}");
	assert_problem(v2_read_series(&line, &scratch, &text), NULL);
	assert_text(text, "b\n");
	takes("{\"series\":\"a\",\"tree\":7}");
	assert_problem(v2_read_series(&line, &scratch, &text), NULL);
	assert_text(text, "a");
	takes("{\"series\":\"a\",\"tree\":\"\"}");
	assert_problem(v2_read_series(&line, &scratch, &text), "Field tree_name is required");
	takes("{\"series\":7}");
	assert_problem(v2_read_series(&line, &scratch, &text), "Field tree or series is required");
	takes("{}");
	assert_problem(v2_read_series(&line, &scratch, &text), "Field tree or series is required");
	for (int bytes = TREE_NAME_BYTES_MAX; bytes <= TREE_NAME_BYTES_MAX + 1; bytes++) {
		(void)snprintf(long_name, sizeof(long_name), "{\"series\":\"%0*d\"}", bytes, 0);
		takes(long_name);
		assert_problem(v2_read_series(&line, &scratch, &text),
		               bytes == TREE_NAME_BYTES_MAX ? NULL : "Field tree_name is longer than 1024 bytes");
	}
}

static void
unsigned_integers(void **state)
{
	static const struct {
		const char *text, *problem;
		uint64_t value;
	} cases[] = {
		{ "{\"key\":0}", NULL, 0 },
		{ "{\"key\":-0}", NULL, 0 },
		{ "{\"key\":18446744073709551615}", NULL, UINT64_MAX },
		{ "{\"key\":-1}", "Field key must be greater than or equal to 0", 0 },
		{ "{\"key\":-9223372036854775808}", "Field key must be greater than or equal to 0", 0 },
		{ "{\"key\":\"1\"}", "Field key must be an unsigned integer", 0 },
		{ "{\"key\":42.0}", "Field key must be an unsigned integer", 0 },
		{ "{\"key\":1e3}", "Field key must be an unsigned integer", 0 },
		{ "{\"key\":true}", "Field key must be an unsigned integer", 0 },
		{ "{\"key\":null}", "Field key must be an unsigned integer", 0 },
		{ "{\"key\":[1]}", "Field key must be an unsigned integer", 0 },
		{ "{}", "Field key is required", 0 },
	};
	uint64_t value;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		takes(cases[i].text);
		value = 7;
		assert_problem(v2_read_unsigned(&line, V2_KEY, &value), cases[i].problem);
		if (cases[i].problem == NULL)
			assert_true(value == cases[i].value);
	}
	value = 7;
	assert_problem(v2_read_unsigned_if(&line, V2_VALUE, &value), NULL);
	assert_int_equal(value, 7);
	takes("{\"value\":\"5\"}");
	assert_problem(v2_read_unsigned_if(&line, V2_VALUE, &value), "Field value must be an unsigned integer");
}

static void
pages(void **state)
{
	static const char no_integer[] = "Field limit must be an integer";
	static const struct {
		const char *text, *problem;
		uint64_t value;
	} cases[] = {
		{ "{}", NULL, 7 },
		{ "{\"limit\":10000}", NULL, 10000 },
		{ "{\"limit\":18446744073709551615}", NULL, UINT64_MAX },
		{ "{\"limit\":0}", NULL, 0 },
		{ "{\"limit\":-0}", NULL, 0 },
		{ "{\"limit\":-9223372036854775808}", NULL, 0 },
		{ "{\"limit\":\"5\"}", no_integer, 0 },
		{ "{\"limit\":5.0}", no_integer, 0 },
		{ "{\"limit\":null}", no_integer, 0 },
	};
	bool given;
	uint64_t value;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		value = 7;
		takes(cases[i].text);
		assert_problem(v2_read_limit_if(&line, &value), cases[i].problem);
		if (cases[i].problem == NULL)
			assert_true(value == cases[i].value);
	}
	takes("{\"cursor\":18446744073709551615}");
	assert_problem(v2_read_cursor(&line, &given, &value), NULL);
	assert_true(given && value == UINT64_MAX);
	takes("{\"cursor\":null}");
	assert_problem(v2_read_cursor(&line, &given, &value), NULL);
	assert_false(given);
	takes("{}");
	assert_problem(v2_read_cursor(&line, &given, &value), NULL);
	assert_false(given);
	takes("{\"cursor\":-1}");
	assert_problem(v2_read_cursor(&line, &given, &value), "Field cursor must be greater than or equal to 0");
	takes("{\"cursor\":\"1\"}");
	assert_problem(v2_read_cursor(&line, &given, &value), "Field cursor must be an unsigned integer");
}

static void
before_or_date(void **state)
{
	uint64_t value;

	(void)state;
	takes("{\"before\":20261399,\"date\":1}");
	assert_problem(v2_read_before(&line, &value), NULL);
	assert_true(value == 20261399);
	takes("{\"date\":18446744073709551615}");
	assert_problem(v2_read_before(&line, &value), NULL);
	assert_true(value == UINT64_MAX);
	takes("{}");
	assert_problem(v2_read_before(&line, &value), "Field before is required");
	takes("{\"before\":null,\"date\":1}");
	assert_problem(v2_read_before(&line, &value), "Field before must be an unsigned integer");
	takes("{\"date\":-1}");
	assert_problem(v2_read_before(&line, &value), "Field date must be greater than or equal to 0");
}

static void
buckets(void **state)
{
	static const char not_a_bucket[] = "Field bucket must be a bucket date";
	static const char negative[] = "Field bucket must be greater than or equal to 0";
	static const struct {
		const char *text, *problem;
		uint32_t bucket;
	} cases[] = {
		{ "{\"bucket\":0}", NULL, 0 },
		{ "{\"bucket\":20261399}", NULL, 20261399 },
		{ "{\"bucket\":99999999}", NULL, 99999999 },
		{ "{\"bucket\":100000000}", not_a_bucket, 0 },
		{ "{\"bucket\":18446744073709551615}", not_a_bucket, 0 },
		{ "{\"bucket\":\"2026-05-05\"}", NULL, 20260505 },
		{ "{\"bucket\":\"20260505\"}", NULL, 20260505 },
		{ "{\"bucket\":\"2026\\u002d0505-\"}", NULL, 20260505 },
		{ "{\"bucket\":\"0000000000000000000000000000007\"}", NULL, 7 },
		{ "{\"bucket\":\"100000000\"}", not_a_bucket, 0 },
		{ "{\"bucket\":\"18446744073709551617\"}", not_a_bucket, 0 },
		{ "{\"bucket\":\"x\"}", not_a_bucket, 0 },
		{ "{\"bucket\":\"\"}", not_a_bucket, 0 },
		{ "{\"bucket\":\"2026-05-05T00:00:00Z\"}", not_a_bucket, 0 },
		{ "{\"bucket\":\"-5\"}", negative, 0 },
		{ "{\"bucket\":-5}", negative, 0 },
		{ "{\"bucket\":1.5}", "Field bucket must be an unsigned integer", 0 },
		{ "{\"bucket\":null}", "Field bucket must be an unsigned integer", 0 },
		{ "{\"date\":20260506,\"bucket\":\"x\"}", NULL, 20260506 },
		{ "{\"date\":-1}", "Field date must be greater than or equal to 0", 0 },
		{ "{\"date\":\"20260506\"}", "Field date must be an unsigned integer", 0 },
		{ "{\"date\":100000000}", "Field date must be a bucket date", 0 },
	};
	uint32_t bucket;
	bool given;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		takes(cases[i].text);
		assert_problem(v2_read_bucket(&line, &scratch, &given, &bucket), cases[i].problem);
		if (cases[i].problem == NULL) {
			assert_true(given);
			assert_int_equal(bucket, cases[i].bucket);
		}
	}
	takes("{}");
	assert_problem(v2_read_bucket(&line, &scratch, &given, &bucket), NULL);
	assert_false(given);
}

static void
ranges(void **state)
{
	static const struct {
		const char *range, *problem;
	} cases[] = {
		{ "{\"from\":1,\"to\":1}", NULL },
		{ "{ \"t\\u006f\" : 2 , \"x\":[{}], \"from\" : 1, \"from\":2 }", NULL },
		{ "{\"from\":2,\"to\":1}", "Bucket range start must be less than or equal to range end" },
		{ "{\"from\":1}", "Field range.to is required" },
		{ "{\"to\":1}", "Field range.from is required" },
		{ "{}", "Field range.from is required" },
		{ "{\"from\":-1,\"to\":1}", "Field range.from must be greater than or equal to 0" },
		{ "{\"from\":1,\"to\":-1}", "Field range.to must be greater than or equal to 0" },
		{ "{\"from\":\"1\",\"to\":1}", "Field range.from must be an unsigned integer" },
		{ "{\"from\":1,\"to\":null}", "Field range.to must be an unsigned integer" },
		{ "null", "Field range must be an object" },
		{ "[1,2]", "Field range must be an object" },
	};
	struct v2_range range;
	char text[128];
	bool given;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(text, sizeof(text), "{\"range\":%s}", cases[i].range);
		takes(text);
		assert_problem(v2_read_range_if(&line, &given, &range), cases[i].problem);
		assert_true(given);
	}
	takes("{\"range\":{\"to\":3,\"from\":2}}");
	assert_problem(v2_read_range(&line, &range), NULL);
	assert_int_equal(range.from, 2);
	assert_int_equal(range.to, 3);
	takes("{}");
	assert_problem(v2_read_range(&line, &range), "Field range is required");
	assert_problem(v2_read_range_if(&line, &given, &range), NULL);
	assert_false(given);
}

static void
ranges_are_of_dates(void **state)
{
	static const char none[] = "Invalid bucket date";
	static const struct {
		struct v2_range range;
		const char *problem;
	} cases[] = {
		{ { 20260101, 20260131 }, NULL },
		{ { 20250101, 20260102 }, NULL },
		{ { 20250101, 20260103 }, "Range exceeds max days" },
		{ { 10000101, 10000101 }, NULL },
		{ { 99991231, 99991231 }, NULL },
		{ { 9991231, 10000101 }, none },
		{ { 20261301, 20261302 }, none },
		{ { 20260100, 20260102 }, none },
		{ { 20260229, 20260301 }, none },
		{ { 20240229, 20240301 }, NULL },
		{ { 20260401, 20260431 }, none },
		{ { 2026, 2026 }, none },
		{ { 0, 0 }, none },
		{ { 20260101, UINT64_MAX }, none },
		{ { 99991231, 100000101 }, none },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_problem(v2_check_range(&cases[i].range), cases[i].problem);
}

static void
texts(void **state)
{
	struct text text;

	(void)state;
	takes("{\"op\":\"a\\u0062\",\"mode\":1}");
	assert_problem(v2_read_text(&line, V2_OP, &scratch, &text), NULL);
	assert_text(text, "ab");
	assert_problem(v2_read_text(&line, V2_MODE, &scratch, &text), "Field mode is required");
	assert_problem(v2_read_text(&line, V2_FILE, &scratch, &text), "Field file is required");
	takes("{\"source\":77,\"offset\":\"\",\"event_id\":-0,\"cursor\":1.5}");
	assert_problem(v2_read_text_or_integer(&line, V2_SOURCE, &scratch, &text), NULL);
	assert_text(text, "77");
	assert_problem(v2_read_text_or_integer(&line, V2_OFFSET, &scratch, &text), NULL);
	assert_text(text, "");
	assert_problem(v2_read_text_or_integer(&line, V2_EVENT_ID, &scratch, &text), NULL);
	assert_text(text, "0");
	assert_problem(v2_read_text_or_integer(&line, V2_CURSOR, &scratch, &text),
	               "Field cursor must be a string or integer");
	assert_problem(v2_read_text_or_integer(&line, V2_KEY, &scratch, &text), "Field key is required");
}

static void
tokens(void **state)
{
	struct text text;

	(void)state;
	takes("{\"token\":\"s\\u0065cret\"}");
	assert_problem(v2_read_token(&line, &scratch, &text), NULL);
	assert_text(text, "secret");
	takes("{\"token\":5}");
	assert_problem(v2_read_token(&line, &scratch, &text), NULL);
	assert_text(text, "");
	takes("{}");
	assert_problem(v2_read_token(&line, &scratch, &text), NULL);
	assert_text(text, "");
}

static void
idempotency(void **state)
{
	static const struct {
		const char *members, *problem;
	} cases[] = {
		{ "\"x\":1", NULL },
		{ "\"idempotency_key\":\"a\"", NULL },
		{ "\"idempotency_key\":77", NULL },
		{ "\"idempotency_key\":null", "Field idempotency_key must be a string or integer" },
		{ "\"idempotency_key\":1.5", "Field idempotency_key must be a string or integer" },
		{ "\"idempotency_key\":\"\"", "Field idempotency_key must not be empty" },
		{ "\"idempotency_key\":\"a\",\"fingerprint\":true", "Field fingerprint must be a string or integer" },
		{ "\"idempotency_key\":\"a\",\"fingerprint\":\"\"", "Field fingerprint must not be empty" },
		{ "\"idempotency_key\":\"a\",\"idempotency_created_at_unix\":\"x\"",
		  "Field idempotency_created_at_unix must be an integer" },
		{ "\"idempotency_key\":\"a\",\"idempotency_created_at_unix\":-1",
		  "Field idempotency_created_at_unix must be greater than or equal to 0" },
		{ "\"fingerprint\":null,\"idempotency_created_at_unix\":\"x\"", NULL },
	};
	struct v2_idempotency all;
	char text[1024];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(text, sizeof(text), "{%s}", cases[i].members);
		takes(text);
		assert_problem(v2_read_idempotency(&line, &scratch, &all), cases[i].problem);
	}
	for (int bytes = 256; bytes <= 257; bytes++) {
		(void)snprintf(text, sizeof(text), "{\"idempotency_key\":\"%0*d\"}", bytes, 0);
		takes(text);
		assert_problem(v2_read_idempotency(&line, &scratch, &all),
		               bytes == 256 ? NULL : "Field idempotency_key exceeds max size");
	}
	for (int bytes = 512; bytes <= 513; bytes++) {
		(void)snprintf(text, sizeof(text), "{\"idempotency_key\":1,\"fingerprint\":\"%0*d\"}", bytes, 0);
		takes(text);
		assert_problem(v2_read_idempotency(&line, &scratch, &all),
		               bytes == 512 ? NULL : "Field fingerprint exceeds max size");
	}
	takes("{\"idempotency_key\":\"k\",\"fingerprint\":\"f\",\"idempotency_created_at_unix\":5}");
	assert_problem(v2_read_idempotency(&line, &scratch, &all), NULL);
	assert_true(all.is_given && all.has_fingerprint && all.has_created_at);
	assert_text(all.key, "k");
	assert_text(all.fingerprint, "f");
	assert_int_equal(all.created_at_unix, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_is_the_integer_2),
		cmocka_unit_test(series_or_tree),
		cmocka_unit_test(unsigned_integers),
		cmocka_unit_test(pages),
		cmocka_unit_test(before_or_date),
		cmocka_unit_test(buckets),
		cmocka_unit_test(ranges),
		cmocka_unit_test(ranges_are_of_dates),
		cmocka_unit_test(texts),
		cmocka_unit_test(tokens),
		cmocka_unit_test(idempotency),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
