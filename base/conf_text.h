/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inner parts of the configuration's reader; only base/conf*.c include this.
 *
 * The text is cut into tokens first, which keep their lines, and its comments are blanked. The
 * tokens are then walked by the same option tables that libConfuse gets: what is out of place is
 * reported and blanked too. So libConfuse sees only what is in order, and for each value it
 * returns, the token and with it the line is known.
 */
#ifndef BASE_CONF_TEXT_H
#define BASE_CONF_TEXT_H

#include <confuse.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"

#define MISTAKES_MAX 64     /* more are only counted */
#define CONF_OPTIONS_MAX 32 /* in one section's table */
#define CONF_SECTIONS_MAX                                                                          \
	(1 + CONF_PEERS_MAX + CONF_HOOKS_MAX + CONF_ALERTS_MAX + CONF_SERVERS_MAX +                \
	 CONF_PROBES_MAX + CONF_HEALTH_MAX + CONF_ZONE_SECTIONS_MAX)

/* Mistakes are kept, and reported in the order of their lines. */
struct mistakes {
	struct {
		int line;
		char *sentence;
	} list[MISTAKES_MAX];
	size_t n;     /* kept */
	size_t total; /* kept or not; 0: all is well */
};

void mistake(struct mistakes *m, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Reports them all and frees them. Whether there were none. */
bool mistakes_report(struct mistakes *m, const char *file, conf_report *report, void *arg);

enum token_type {
	TOKEN_WORD,   /* unquoted */
	TOKEN_STRING, /* quoted; at and len are without the quotes */
	TOKEN_MARK,   /* one of { } = , */
	TOKEN_BAD,    /* reported already */
	TOKEN_END,    /* always the last one */
};

struct token {
	enum token_type type;
	int line;
	size_t at; /* in the text */
	size_t len;
};

/* One section, or the top of the file (section 0): where each option of its table is. */
struct section {
	const cfg_opt_t *options;
	const cfg_opt_t *kind;          /* its own entry in the top's table; NULL for the top */
	size_t title;                   /* its title's token */
	size_t value[CONF_OPTIONS_MAX]; /* the value's first token; 0: not given */
	bool given[CONF_OPTIONS_MAX];   /* also if it was given wrongly */
};

struct conf_text {
	char *text; /* a copy: comments and reported statements become blanks */
	size_t len;
	struct token *tokens;
	size_t ntokens;
	struct section *sections;
	size_t nsections;
	bool broken; /* the structure is not understood: nothing more can be said of the values */
	struct mistakes *mistakes;
};

/* Cuts text[len], which holds no NUL. 0 or -ENOMEM; mistakes go into m, which is borrowed until
 * conf_text_fini. */
int conf_text_init(struct conf_text *t, const char *text, size_t len, struct mistakes *m);
void conf_text_fini(struct conf_text *t);
/* Overwrites with blanks from one token to another, both included; the lines stay. */
void conf_text_blank(struct conf_text *t, size_t first, size_t last);
bool token_is_mark(const struct conf_text *t, size_t token, char mark);
bool token_equals(const struct conf_text *t, size_t token, const char *text);

/* Walks the tokens by the tables: fills in the sections, reports and blanks what is out of place.
 */
void conf_index(struct conf_text *t, const cfg_opt_t *top);
/* The place in a table, -1 if there is no such option. */
int conf_option(const cfg_opt_t *options, const char *name, size_t len);
/* Line of the option's value; of its nth element if it is a list; of the section if not given. */
int conf_line(const struct conf_text *t, const struct section *s, const char *name, size_t nth);
/* The option was given, and in the right form. */
bool conf_has(const struct section *s, const char *name);
/* The option was given, in whatever form. */
bool conf_given(const struct section *s, const char *name);

/* Takes libConfuse's values over into c, which is zeroed but for its file; mistakes go where the
 * text's go. 0 or -ENOMEM. */
int conf_build(struct conf *c, cfg_t *cfg, const struct conf_text *text);

/* One section being taken over: libConfuse's side, ours, and where to complain. */
struct conf_source {
	cfg_t *cfg;
	const struct section *section;
	const struct conf_text *text;
	struct mistakes *mistakes;
	bool failed; /* out of memory */
};

/* Line of an option's value, or of the section. */
int conf_line_of(const struct conf_source *s, const char *name);
/* A copy of a value; NULL (reported, if it wasn't yet) if there is none. */
char *conf_take_str(struct conf_source *s, const char *name);
char *conf_take_name(struct conf_source *s, const char *name);
char *conf_take_path(struct conf_source *s, const char *name);
/* A number in its bounds; `min`, and a report, for one that is not. */
int conf_take_int(struct conf_source *s, const char *name, int min, int max);
/* Gives each of a list's patterns to `add`: 0, -ENOMEM, or another error and *why. */
void conf_take_patterns(struct conf_source *s, const char *name, void *to,
			int (*add)(void *to, const char *pattern, const char **why));
int conf_add_match(void *to, const char *pattern, const char **why); /* to: struct patterns */

/* Sections that name programs. `mount` may be NULL: not known. */
void conf_take_hook(struct conf_source *s, struct conf_hook *hook, const char *mount);
void conf_take_alert(struct conf_source *s, struct conf *c);
void conf_take_server(struct conf_source *s, struct conf *c);
/* Sections of zonefs-health; what must hold between them. */
void conf_take_probe(struct conf_source *s, struct conf *c);
void conf_take_health(struct conf_source *s, struct conf *c);
void conf_check_health(struct conf_source *s, const struct conf *c);
void conf_free_health(struct conf *c);
void conf_take_zone(struct conf_source *s, struct conf_zone *z);
void conf_free_zones(struct conf *c);

/* What values may be. Each is true if the value is right. */
bool conf_name_ok(const char *name);
bool conf_z85_ok(const char *key);
/* tcp://host:port or tcp://[v6]:port, port 1 to 65534; `any`: the host may be '*'. */
bool conf_address_ok(const char *address, bool any);
bool conf_size(const char *text, int64_t *bytes);
/* NULL, or what is wrong with an absolute path. Cuts '/' off its end. */
const char *conf_path_wrong(char *path);
/* Normal paths: `path` is `dir` or lies below it. */
bool conf_path_within(const char *path, const char *dir);

#endif
