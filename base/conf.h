/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefs.conf, as zonefs.conf(5) describes it. Read by libConfuse, with what it leaves to be
 * desired mended: right line numbers where there are comments, doubled keys and doubled titles
 * refused, no environment variables, no octal numbers, an unclosed section noticed.
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pattern.h"

#define CONF_PEERS_MAX 64
#define CONF_HOOKS_MAX 32
#define CONF_ALERTS_MAX 1
#define CONF_SERVERS_MAX 1
#define CONF_PROBES_MAX 32
#define CONF_HEALTH_MAX 1
#define CONF_ZONES_MAX 10000 /* of one probe */
#define CONF_SERVICES_MAX 8
#define CONF_ZONE_SECTIONS_MAX 1000
#define CONF_GUARD_SHRINK 30 /* percent, where nothing is said */
#define CONF_SIZE_MAX (1024 * 1024)
#define CONF_KEY_LEN 40 /* Z85 */

struct conf_peer {
	char *name;
	char *address; /* tcp://host:port of its broadcast; requests on the next port */
	char key[CONF_KEY_LEN + 1];
	bool receive_only;       /* nothing is taken from it */
	struct patterns *accept; /* nothing else is; NULL: everything */
	int line;
};

struct conf_hook {
	char *name;
	char **run; /* argv, NULL at the end; run[0] is absolute */
	char *user;
	struct patterns *match; /* NULL for an alert */
	int quiet_msec;
	int timeout_sec;
	bool persistent; /* goes on running, and reads one batch after another */
	int after_sec; /* an alert: what comes and goes is told when it has lasted that long */
	int line;
};

/* The name server whose configuration lies in the tree, and how it is checked. */
struct conf_server {
	char *name;
	char *root;      /* named's: what `named -t` is given; "/" without */
	char *conf;      /* its configuration, absolute within the root; "": one of the usual two */
	char *user;      /* that it runs as: so does the check of the configuration */
	char *checkconf; /* programs */
	char *checkzone;
	char *verify;     /* ... of signatures; "": they are not checked */
	char *check_user; /* that the check of zones runs as; can read no key */
	int timeout_sec;  /* of one check */
	bool gate;        /* what is refused is held */
	int line;
};

/* What is done about the serial of a zone's text. */
enum conf_serial {
	CONF_SERIAL_UNSAID,
	CONF_SERIAL_KEEP,  /* as it was saved; it is told where it was not raised */
	CONF_SERIAL_RAISE, /* above the highest that any node has released */
};

/* Of zones whose names match. */
struct conf_zone {
	char *pattern;
	char *file; /* where their files are in the tree, one "%s" in it for the name; NULL: not said */
	enum conf_serial serial;
	int guard_shrink; /* percent of its records that a zone may lose at once; -1: not said */
	int line;
};

/* What holds for one zone. */
struct conf_zone_options {
	enum conf_serial serial; /* KEEP or RAISE */
	int guard_shrink;
};

/* What counts as an answer. */
enum conf_answer {
	CONF_ANSWER_AUTHORITATIVE, /* NOERROR, authoritative, with a record that was asked for */
	CONF_ANSWER_NOERROR,       /* NOERROR, whatever it says */
	CONF_ANSWER_ANY,           /* any reply */
};

struct conf_probe {
	char *name;
	char *address; /* numeric */
	int port;
	char **zones;
	size_t nzones; /* 1 or more */
	bool all;      /* `zones` is "*": all that the name server should serve, by its configuration */
	char *view;    /* then only those of this one; NULL: of any */
	char *type;    /* of what is asked for: "SOA" */
	bool udp, tcp; /* one of them at least */
	enum conf_answer answer;
	int sample; /* so many of the zones at a time */
	int line;
};

enum conf_health_command {
	CONF_HEALTH_ADD_ADDRESS,
	CONF_HEALTH_REMOVE_ADDRESS,
	CONF_HEALTH_ANNOUNCE,
	CONF_HEALTH_WITHDRAW,
	CONF_HEALTH_WITHDRAWN, /* succeeds when the route is gone */
	CONF_HEALTH_DEMOTE,
	CONF_HEALTH_PROMOTE,
	CONF_HEALTH_ALERT,
	CONF_HEALTH_COMMANDS
};

enum conf_on_data { CONF_ON_DATA_NOTHING, CONF_ON_DATA_DEMOTE, CONF_ON_DATA_WITHDRAW };

#define CONF_LEASE_MAX 60

/* See zonefs-health(8). */
struct conf_health {
	char *name;
	char *state;    /* a directory, root's */
	char **service; /* numeric addresses */
	size_t nservice;
	int service_port;
	int interval_sec, fast_interval_sec, timeout_sec;
	int fall, rise;
	int start_timeout_sec;
	enum conf_on_data on_data; /* NOTHING: it is told only */
	bool withdraw_on_stop; /* else all stays as it is */
	int lag_limit_sec, cut_off_limit_sec;
	int stale_limit_sec, behind_limit_sec;
	int lease_sec;      /* of a grant to be withdrawn for data */
	int min_announcing; /* so many others stay, then */
	int damping_sec; /* who fell twice within an hour comes back demoted for so long; 0: never */
	char *disable; /* a file: while it exists, nothing is done */
	int command_timeout_sec;
	char **command[CONF_HEALTH_COMMANDS]; /* argv, NULL at the end; or NULL: not given */
	int line;
};

struct conf {
	char *file; /* for messages */
	char *node;
	char *mount; /* absolute, without a '/' at its end */
	char *state;
	char *listen;
	char *key_file;
	char *user; /* the replicator's */
	/* Where they stand in the file; 0: they do not. */
	int mount_line, state_line, key_file_line, user_line;
	bool dev;              /* devices in the tree may be opened */
	int64_t max_file_size; /* bytes */
	int delete_delay_msec;
	int settle_msec;
	int close_delay_msec;
	int stop_timeout_sec;
	int keep_versions;
	int keep_age_days;
	int64_t keep_bytes;    /* of history and log */
	int forget_after_days; /* 0: never */
	int brake_share;  /* percent of the tree that may be removed at once; 0: the brake is off */
	int brake_paths;  /* as many paths may in any case */
	bool allow_setid; /* set-id bits from peers are kept */
	char *log_level;
	struct conf_peer *peers;
	size_t npeers;
	struct conf_hook *hooks;
	size_t nhooks;
	struct conf_hook *alert; /* NULL: none */
	struct conf_server *server; /* NULL: none */
	struct conf_probe *probes;
	size_t nprobes;
	struct conf_health *health; /* NULL: none */
	struct conf_zone *zones;    /* in the order of the file */
	size_t nzones;
	struct locality *locality;
};

/* One mistake: `line` 0 where none applies. Called for each, in order. */
typedef void conf_report(void *arg, const char *file, int line, const char *sentence);

/* Parses text[len]; `file` is for messages. NULL if anything was reported. The caller frees the
 * result. */
struct conf *conf_parse(const char *file, const char *text, size_t len, conf_report *report,
			void *arg);
/* The text of a file, which may not be writable by others: *len bytes, the caller's to free. NULL
 * if anything was reported. */
char *conf_load(const char *file, size_t *len, conf_report *report, void *arg);
/* Both. */
struct conf *conf_read(const char *file, conf_report *report, void *arg);
void conf_free(struct conf *c);

/* By the zone's name, with a dot at its end or not. */
struct conf_zone_options conf_zone_options(const struct conf *c, const char *zone);
/* By sections with a `file`: the name of the zone whose file this path of the tree is, a new string; NULL:
 * it is none's (or out of memory). */
char *conf_zone_of_file(const struct conf *c, const char *path);
/* There are such sections, and no name server that would be asked. */
bool conf_zones_by_file(const struct conf *c);

/* Whether two numeric addresses are the same one, however they are written. */
bool conf_same_address(const char *a, const char *b);
/* The option's name of a command. */
const char *conf_health_command_text(enum conf_health_command command);

/* Reports to standard error as FILE:LINE: sentence. */
void conf_report_stderr(void *arg, const char *file, int line, const char *sentence);

/* tcp://host:port or tcp://[v6]:port -> the same with port + 1, a new string. NULL: not of that
 * form. */
char *conf_request_address(const char *address);
/* STATE/control, the replicator's socket for zonefsctl: a new string. */
char *conf_control_path(const struct conf *c);

/* A secret key file as `zonefsctl keygen` writes it: lines "public = 'Z85'" and "secret = 'Z85'".
 */
struct conf_keys {
	char public_key[CONF_KEY_LEN + 1];
	char secret_key[CONF_KEY_LEN + 1];
};
/* Refuses (with a report) a file that is not the effective user's, or that others may read. */
int conf_read_keys(const char *file, struct conf_keys *keys, conf_report *report, void *arg);
/* Likewise from its text, which was read elsewhere; it is cut to pieces, and the caller's to wipe.
 */
int conf_parse_keys(const char *file, char *text, struct conf_keys *keys, conf_report *report,
		    void *arg);

#define CONF_DEFAULT_FILE SYSCONFDIR "/zonefs/zonefs.conf"

#endif
