/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A short list, oldest first, of this life alone: `held` and the log have it for longer.
 */
#include "replicator/judge/judge_news.h"

#include <stdlib.h>
#include <string.h>

struct item_of_news {
	char *path;
	char *words;
	uint32_t login_uid, uid;
	bool held;
};

struct news {
	struct item_of_news list[NEWS_MAX];
	size_t n;
};

struct news *news_new(void)
{
	return calloc(1, sizeof(struct news));
}

static void drop(struct news *n, size_t i)
{
	free(n->list[i].path);
	free(n->list[i].words);
	memmove(n->list + i, n->list + i + 1, (--n->n - i) * sizeof(*n->list));
}

void news_free(struct news *n)
{
	while (n && n->n > 0)
		drop(n, n->n - 1);
	free(n);
}

static bool is_of(const struct trial *t, const char *path)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (strcmp(t->items[i].path, path) == 0)
			return true;
	return false;
}

static void add(struct news *n, const char *path, const struct version *v, const char *words,
		bool held)
{
	struct item_of_news one = {
	    .path = strdup(path),
	    .words = strdup(words),
	    .login_uid = v->who.login_uid,
	    .uid = v->who.uid,
	    .held = held,
	};

	if (n->n == NEWS_MAX)
		drop(n, 0);
	if (one.path && one.words) {
		n->list[n->n++] = one;
		return;
	}
	free(one.path);
	free(one.words);
}

void news_verdict(struct node *node, const struct trial *t, const struct verdict *v, bool warned)
{
	struct news *n = node->news;
	const struct version *first = t->n > 0 ? t->items[0].version : NULL;
	bool held =
	    v->kind == VERDICT_BAD || v->kind == VERDICT_DOUBT || v->kind == VERDICT_UNKNOWN;

	if (!t->own || !first)
		return;
	for (size_t i = n->n; i > 0; i--)
		if (is_of(t, n->list[i - 1].path))
			drop(n, i - 1);
	if ((!held && !warned && v->kind != VERDICT_REWRITE) || !v->words)
		return;
	add(n, t->items[0].path, first, v->words, held);
}

void news_say(struct node *node, const char *path, const struct version *v, const char *words)
{
	add(node->news, path, v, words, false);
}

/* Somebody without a login, as in a container, is known by the user that he runs as. */
static bool is_for(const struct item_of_news *one, uint32_t login_uid, uint32_t uid)
{
	if (login_uid != (uint32_t)-1 && one->login_uid != (uint32_t)-1)
		return login_uid == one->login_uid;
	return uid == one->uid;
}

void news_take(struct news *n, uint32_t login_uid, uint32_t uid,
	       bool (*each)(void *arg, const char *path, const char *words, bool held), void *arg)
{
	for (size_t i = 0; i < n->n;) {
		const struct item_of_news *one = &n->list[i];

		if (!is_for(one, login_uid, uid)) {
			i++;
			continue;
		}
		if (!each(arg, one->path, one->words, one->held))
			return;
		drop(n, i);
	}
}
