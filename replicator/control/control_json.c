/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Values as JSON, and requests' fields from it. Pure.
 */
#include "replicator/control/control_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/err.h"

#define NSEC 1000000000

static bool is_utf8(const char *s)
{
	json_t *j = json_string(s);

	json_decref(j);
	return j != NULL;
}

/* A control character of the second set: 0xc2 0x80 to 0xc2 0x9f. */
static bool is_c1(const unsigned char *p)
{
	return p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f;
}

json_t *control_text(const char *s)
{
	bool utf8 = is_utf8(s);
	CLEANUP_FREE char *text = malloc(4 * strlen(s) + 1);
	char *to = text;

	if (!text)
		return NULL;
	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		bool plain = *p == '\n' || *p == '\t' || (*p >= 0x20 && *p < 0x7f) ||
			     (*p >= 0x80 && utf8 && !is_c1(p));

		if (plain) {
			*to++ = (char)*p;
			continue;
		}
		to += sprintf(to, "\\%03o", *p);
		if (utf8 && is_c1(p))
			to += sprintf(to, "\\%03o", *++p);
	}
	*to = '\0';
	return json_string(text);
}

void control_add_text(json_t *o, const char *name, const char *s)
{
	json_object_set_new(o, name, control_text(s));
}

void control_add_number(json_t *o, const char *name, int64_t n)
{
	json_object_set_new(o, name, json_integer(n));
}

void control_add_bool(json_t *o, const char *name, bool b)
{
	json_object_set_new(o, name, json_boolean(b));
}

void control_add_hex(json_t *o, const char *name, uint64_t n)
{
	char text[17];

	snprintf(text, sizeof(text), "%016" PRIx64, n);
	json_object_set_new(o, name, json_string(text));
}

void control_add_path(json_t *o, const char *name, const char *path)
{
	char escaped[PATH_ESCAPED_MAX];
	char key[64];
	CLEANUP_FREE char *hex = NULL;
	size_t len = strlen(path);

	path_escape(escaped, sizeof(escaped), path);
	json_object_set_new(o, name, json_string(escaped));
	if (strcmp(escaped, path) == 0 || !(hex = malloc(2 * len + 1)))
		return;
	for (size_t i = 0; i < len; i++)
		sprintf(hex + 2 * i, "%02x", (unsigned char)path[i]);
	snprintf(key, sizeof(key), "%s_bytes", name);
	json_object_set_new(o, key, json_string(hex));
}

void control_dot_text(char dst[CONTROL_DOT_TEXT], struct dot d)
{
	snprintf(dst, CONTROL_DOT_TEXT, "%016" PRIx64 ":%" PRIu64, d.origin, d.seq);
}

void control_id_text(char dst[CONTROL_ID_TEXT], struct dot d)
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint8_t bytes[16];

	for (int i = 0; i < 8; i++) {
		bytes[i] = (uint8_t)(d.origin >> (56 - 8 * i));
		bytes[8 + i] = (uint8_t)(d.seq >> (56 - 8 * i));
	}
	uint64_t h = XXH3_64bits(bytes, sizeof(bytes));
	for (int i = 0; i < CONTROL_ID_TEXT - 1; i++, h >>= 5)
		dst[i] = digits[h & 31];
	dst[CONTROL_ID_TEXT - 1] = '\0';
}

int control_path(const char *text, char path[PATH_LEN_MAX + 1])
{
	char bytes[PATH_LEN_MAX + 1];

	if (path_unescape(bytes, sizeof(bytes), text) < 0 || !path_valid_or_root(bytes))
		return ERR_FORMAT;
	memcpy(path, bytes, strlen(bytes) + 1);
	return 0;
}

/* ---- versions ---- */

static void add_word(json_t *list, const char *word)
{
	json_array_append_new(list, json_string(word));
}

json_t *control_what(const struct version *v)
{
	json_t *list = json_array();

	if (v->draft)
		add_word(list, "held");
	if (!version_live(v)) {
		add_word(list, "deleted");
		return list;
	}
	if (v->changed & CHANGED_KIND) {
		add_word(list, v->import ? "taken in" : "created");
		return list;
	}
	if (v->changed & CHANGED_CONTENT)
		add_word(list, v->attrs.kind == KIND_LINK ? "target" : "content");
	if (v->changed & CHANGED_MODE)
		add_word(list, "mode");
	if (v->changed & CHANGED_OWNER)
		add_word(list, "owner");
	if (v->changed & CHANGED_XATTRS)
		add_word(list, "xattrs");
	/* It changes with each content: then it is no news. */
	if ((v->changed & CHANGED_MTIME) && !(v->changed & CHANGED_CONTENT))
		add_word(list, "mtime");
	if (v->combined)
		add_word(list, "combined with what was changed elsewhere");
	return list;
}

/* Whoever it was, as text where there is a name and as number. */
static void add_who(json_t *o, const struct version *v)
{
	json_t *who = json_object();

	control_add_number(who, "uid", v->who.uid);
	if (v->who.login_uid != (uint32_t)-1)
		control_add_number(who, "login_uid", v->who.login_uid);
	if (v->user && v->user[0])
		control_add_text(who, "user", v->user);
	if (v->who.pid > 0)
		control_add_number(who, "pid", v->who.pid);
	if (v->who.command[0])
		control_add_text(who, "command", v->who.command);
	if (v->who.tty[0])
		control_add_text(who, "tty", v->who.tty);
	json_object_set_new(o, "who", who);
}

static void add_owner(json_t *o, const char *name, const char *owner, uint32_t id)
{
	char number[16];

	snprintf(number, sizeof(number), "%" PRIu32, id);
	control_add_text(o, name, owner[0] ? owner : number);
}

/* Seconds since 1970, with nine digits behind the point. */
static void add_mtime(json_t *o, int64_t nsec)
{
	char text[40];
	int64_t sec = nsec / NSEC, rest = nsec % NSEC;

	if (rest < 0) {
		sec--;
		rest += NSEC;
	}
	snprintf(text, sizeof(text), "%" PRId64 ".%09" PRId64, sec, rest);
	json_object_set_new(o, "mtime", json_string(text));
}

static void add_hash(json_t *o, const char *name, struct hash h)
{
	char text[HASH_TEXT];

	if (hash_none(h))
		return;
	hash_text(text, h);
	json_object_set_new(o, name, json_string(text));
}

static void add_attrs(json_t *o, const struct version *v)
{
	const struct attrs *a = &v->attrs;
	char mode[8];

	if (a->kind == KIND_FILE)
		control_add_number(o, "size", (int64_t)(a->size >> 53 ? 1ull << 53 : a->size));
	if (a->kind == KIND_LINK && v->target)
		control_add_path(o, "target", v->target);
	if (!version_live(v))
		return;
	snprintf(mode, sizeof(mode), "%04" PRIo32, a->mode & 07777);
	json_object_set_new(o, "mode", json_string(mode));
	add_owner(o, "owner", a->owner, a->uid);
	add_owner(o, "group", a->group, a->gid);
	if (a->kind != KIND_DIR)
		add_mtime(o, a->mtime_nsec);
}

void control_add_version(json_t *o, const struct version *v)
{
	char dot[CONTROL_DOT_TEXT], id[CONTROL_ID_TEXT];

	control_dot_text(dot, v->dot);
	json_object_set_new(o, "version", json_string(dot));
	control_id_text(id, v->dot);
	json_object_set_new(o, "id", json_string(id));
	control_add_number(o, "time", (int64_t)(v->stamp >> 16));
	json_object_set_new(o, "kind", json_string(kind_text(v->attrs.kind)));
	json_object_set_new(o, "what", control_what(v));
	add_attrs(o, v);
	add_hash(o, "hash", v->attrs.hash);
	add_hash(o, "replaced", v->replaced);
	if (v->import)
		control_add_bool(o, "import", true);
	add_who(o, v);
}

/* ---- requests ---- */

bool control_get_text(const json_t *request, const char *name, const char **s)
{
	const json_t *value = json_object_get(request, name);

	if (!value)
		return true;
	if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
		return false;
	*s = json_string_value(value);
	return true;
}

bool control_get_bool(const json_t *request, const char *name, bool *b)
{
	const json_t *value = json_object_get(request, name);

	if (!value)
		return true;
	if (!json_is_boolean(value))
		return false;
	*b = json_is_true(value);
	return true;
}

bool control_get_number(const json_t *request, const char *name, int64_t min, int64_t max,
			int64_t *n)
{
	const json_t *value = json_object_get(request, name);

	if (!value)
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < min ||
	    json_integer_value(value) > max)
		return false;
	*n = json_integer_value(value);
	return true;
}

bool control_get_serial(const json_t *request, const char *name, uint64_t *n)
{
	const char *text = NULL;
	char *end;

	if (!control_get_text(request, name, &text))
		return false;
	if (!text)
		return true;
	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno || *end)
		return false;
	*n = value;
	return true;
}
