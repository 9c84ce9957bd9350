/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * In a zone's text the serial is found as the replicator finds it; in an answer by ldns; in what named says
 * of a zone, by the words before it.
 */
#include <ctype.h>
#include <errno.h>
#include <ldns/ldns.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/zone/serial.h"
#include "tools/hooks/bind_serial.h"

static int serial_of_words(const char *text, uint32_t *serial)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end || errno || v > UINT32_MAX)
		return ERR_FORMAT;
	*serial = (uint32_t)v;
	return 0;
}

int serial_of_text(const char *text, size_t len, uint32_t *serial)
{
	struct serial_place place;
	const char *why;

	if (serial_find(text, len, &place, &why) < 0)
		return ERR_FORMAT;
	*serial = place.value;
	return 0;
}

/* The SOA's serial among an answer's records. */
static int serial_of_packet(const ldns_pkt *answer, uint32_t *serial, char *words, size_t size)
{
	ldns_rr_list *soas;
	int r = ERR_UNKNOWN;

	if (ldns_pkt_get_rcode(answer) != LDNS_RCODE_NOERROR) {
		char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(answer));

		snprintf(words, size, "named answers %s", rcode ? rcode : "an error");
		free(rcode);
		return r;
	}
	soas = ldns_pkt_rr_list_by_type(answer, LDNS_RR_TYPE_SOA, LDNS_SECTION_ANSWER);
	if (soas && ldns_rr_list_rr_count(soas) > 0 && ldns_pkt_aa(answer)) {
		*serial = ldns_rdf2native_int32(ldns_rr_rdf(ldns_rr_list_rr(soas, 0), 2));
		r = 0;
	} else {
		snprintf(words, size, "named does not answer with authority");
	}
	ldns_rr_list_deep_free(soas);
	return r;
}

static ldns_resolver *resolver_for(const char *address, unsigned port, int timeout_msec)
{
	bool v6 = strchr(address, ':') != NULL;
	ldns_rdf *server = ldns_rdf_new_frm_str(v6 ? LDNS_RDF_TYPE_AAAA : LDNS_RDF_TYPE_A, address);
	ldns_resolver *resolver = ldns_resolver_new();
	struct timeval timeout = {timeout_msec / 1000, timeout_msec % 1000 * 1000};

	if (!server || !resolver ||
	    ldns_resolver_push_nameserver(resolver, server) != LDNS_STATUS_OK) {
		ldns_rdf_deep_free(server);
		ldns_resolver_free(resolver);
		return NULL;
	}
	ldns_rdf_deep_free(server); /* the resolver has a copy */
	ldns_resolver_set_port(resolver, (uint16_t)port);
	ldns_resolver_set_retry(resolver, 1);
	ldns_resolver_set_retrans(resolver, 0);
	ldns_resolver_set_timeout(resolver, timeout);
	ldns_resolver_set_recursive(resolver, false);
	return resolver;
}

/* The name of the algorithm as it goes over the wire. */
static bool sign(ldns_resolver *resolver, const struct named_key *key)
{
	CLEANUP_FREE char *algorithm = NULL;
	CLEANUP_FREE char *name = NULL;

	if (asprintf(&algorithm, "%s%s", key->algorithm,
		     strcasecmp(key->algorithm, "hmac-md5") == 0 ? ".sig-alg.reg.int." : ".") < 0 ||
	    asprintf(&name, "%s%s", key->name,
		     key->name[0] && key->name[strlen(key->name) - 1] == '.' ? "" : ".") < 0)
		return false;
	ldns_resolver_set_tsig_algorithm(resolver, algorithm);
	ldns_resolver_set_tsig_keyname(resolver, name);
	ldns_resolver_set_tsig_keydata(resolver, key->secret);
	return true;
}

int serial_of_server(const char *address, unsigned port, const char *zone,
		     const struct named_key *key, int timeout_msec, uint32_t *serial, char *words,
		     size_t size)
{
	ldns_resolver *resolver = resolver_for(address, port, timeout_msec);
	ldns_rdf *name = ldns_dname_new_frm_str(zone);
	ldns_pkt *answer = NULL;
	int r = ERR_TIMEOUT;

	snprintf(words, size, "named does not answer at %s port %u", address, port);
	if (!resolver || !name || (key && !sign(resolver, key)))
		r = ERR_FORMAT;
	else if (ldns_resolver_send(&answer, resolver, name, LDNS_RR_TYPE_SOA, LDNS_RR_CLASS_IN,
				    0) == LDNS_STATUS_OK &&
		 answer)
		r = serial_of_packet(answer, serial, words, size);
	ldns_pkt_free(answer);
	ldns_rdf_deep_free(name);
	ldns_resolver_deep_free(resolver);
	return r;
}

/* What follows `key` on the line of the output that begins with it, into value[size]. */
static bool status_value(const struct buf *status, const char *key, char *value, size_t size)
{
	const char *p = (const char *)status->data;
	const char *end = p + status->len;
	size_t skip = strlen(key);

	while (p && p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((eol ? eol : end) - p);

		if (len > skip && memcmp(p, key, skip) == 0) {
			snprintf(value, size, "%.*s", (int)(len - skip), p + skip);
			return true;
		}
		p = eol ? eol + 1 : end;
	}
	return false;
}

int serial_of_status(const struct buf *status, uint32_t *serial)
{
	char number[16];

	if (!status_value(status, "serial: ", number, sizeof number))
		return ERR_FORMAT;
	return serial_of_words(number, serial);
}

int loaded_of_status(const struct buf *status, int64_t *loaded_sec)
{
	char date[64];
	struct tm tm = {0};

	if (!status_value(status, "last loaded: ", date, sizeof date) ||
	    !strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm))
		return ERR_FORMAT;
	*loaded_sec = timegm(&tm);
	return *loaded_sec < 0 ? ERR_FORMAT : 0;
}
