/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Questions and answers, by ldns.
 */
#include "tools/health/ask.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define PAYLOAD 1232 /* that our side takes over UDP: fits every path without fragments */

uint16_t ask_type(const char *name)
{
	return (uint16_t)ldns_get_rr_type_by_name(name);
}

bool ask_name_ok(const char *name)
{
	ldns_rdf *dname = ldns_dname_new_frm_str(name);
	bool ok = dname != NULL;

	ldns_rdf_deep_free(dname);
	return ok;
}

int ask_make(uint8_t message[ASK_MESSAGE_MAX], uint16_t id, const char *zone, uint16_t type)
{
	ldns_pkt *pkt = NULL;
	uint8_t *wire = NULL;
	size_t len = 0;
	int r = ERR_FORMAT;

	if (ldns_pkt_query_new_frm_str(&pkt, zone, type, LDNS_RR_CLASS_IN, 0) != LDNS_STATUS_OK)
		return r;
	ldns_pkt_set_id(pkt, id);
	ldns_pkt_set_edns_udp_size(pkt, PAYLOAD);
	if (ldns_pkt2wire(&wire, pkt, &len) == LDNS_STATUS_OK && len <= ASK_MESSAGE_MAX) {
		memcpy(message, wire, len);
		r = (int)len;
	}
	free(wire);
	ldns_pkt_free(pkt);
	return r;
}

/* Whether the reply repeats the question. A server that can't read it may leave it out. */
static bool same_question(const ldns_pkt *pkt, const char *zone, uint16_t type)
{
	const ldns_rr_list *question = ldns_pkt_question(pkt);

	if (ldns_rr_list_rr_count(question) == 0)
		return ldns_pkt_get_rcode(pkt) != LDNS_RCODE_NOERROR;
	ldns_rdf *name = ldns_dname_new_frm_str(zone);
	const ldns_rr *asked = ldns_rr_list_rr(question, 0);
	bool same = name && ldns_dname_compare(ldns_rr_owner(asked), name) == 0 &&
		    ldns_rr_get_type(asked) == type;
	ldns_rdf_deep_free(name);
	return same;
}

static bool has_record(const ldns_pkt *pkt, uint16_t type)
{
	const ldns_rr_list *answer = ldns_pkt_answer(pkt);

	for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++)
		if (ldns_rr_get_type(ldns_rr_list_rr(answer, i)) == type)
			return true;
	return false;
}

/* What is missing from an answer; NULL: nothing. */
static const char *missing(const ldns_pkt *pkt, uint16_t type, enum conf_answer answer)
{
	if (answer != CONF_ANSWER_AUTHORITATIVE)
		return NULL;
	if (!ldns_pkt_aa(pkt))
		return "an answer without authority";
	if (!ldns_pkt_tc(pkt) && !has_record(pkt, type))
		return "an answer without the record";
	return NULL;
}

static enum ask_verdict judge(const ldns_pkt *pkt, uint16_t type, enum conf_answer answer,
			      char words[RULE_WORDS])
{
	ldns_pkt_rcode rcode = ldns_pkt_get_rcode(pkt);

	if (answer == CONF_ANSWER_ANY)
		return ASK_GOOD;
	if (rcode != LDNS_RCODE_NOERROR) {
		char *text = ldns_pkt_rcode2str(rcode);

		snprintf(words, RULE_WORDS, "%s", text ? text : "an error");
		free(text);
		return ASK_WRONG;
	}
	const char *lacks = missing(pkt, type, answer);
	if (!lacks)
		return ASK_GOOD;
	snprintf(words, RULE_WORDS, "%s", lacks);
	return ASK_WRONG;
}

enum ask_verdict ask_judge(const uint8_t *message, size_t len, uint16_t id, const char *zone,
			   uint16_t type, enum conf_answer answer, char words[RULE_WORDS])
{
	ldns_pkt *pkt = NULL;
	enum ask_verdict verdict = ASK_OTHER;

	words[0] = '\0';
	if (len < 12 || message[0] != id >> 8 || message[1] != (id & 0xff) || !(message[2] & 0x80))
		return ASK_OTHER;
	if (ldns_wire2pkt(&pkt, message, len) != LDNS_STATUS_OK) {
		snprintf(words, RULE_WORDS, "a reply that is no DNS message");
		return ASK_WRONG;
	}
	if (same_question(pkt, zone, type))
		verdict = judge(pkt, type, answer, words);
	ldns_pkt_free(pkt);
	return verdict;
}
