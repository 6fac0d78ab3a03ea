/* Mail of many posters arrives once each, and that of one poster in its order. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "net/mailbox.h"

enum { POSTERS = 4, MAILS = 20000 };

static struct mailbox mailbox;

static void *
post_many(void *argument)
{
	int poster = *(const int *)argument;

	for (int i = 0; i < MAILS; i++) {
		struct mail *mail = malloc(sizeof(*mail));

		*mail = (struct mail){ .fd = poster * MAILS + i };
		mailbox_post(&mailbox, mail);
	}
	return NULL;
}

static void
arrives_once_and_in_order(void **state)
{
	pthread_t threads[POSTERS];
	int names[POSTERS];
	int next[POSTERS] = { 0 };
	int taken = 0;

	(void)state;
	for (int i = 0; i < POSTERS; i++) {
		names[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, post_many, &names[i]), 0);
	}
	while (taken < POSTERS * MAILS) {
		struct mail *mail = mailbox_take(&mailbox);

		if (mail == NULL)
			(void)sched_yield();
		while (mail != NULL) {
			struct mail *following = mail->next;
			int poster = mail->fd / MAILS;

			assert_int_equal(mail->fd % MAILS, next[poster]);
			next[poster]++;
			taken++;
			free(mail);
			mail = following;
		}
	}
	for (int i = 0; i < POSTERS; i++)
		(void)pthread_join(threads[i], NULL);
	assert_null(mailbox_take(&mailbox));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrives_once_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
