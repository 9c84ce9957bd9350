/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the values of the configuration may be.
 */
#include "base/conf_text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"

#define NAME_MAX_LEN 63
#define HOST_MAX_LEN 253
#define PORT_MAX 65534 /* requests are on the next one */

static const char alnum[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
static const char digits[] = "0123456789";

bool conf_name_ok(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > NAME_MAX_LEN)
		return false;
	return name[strspn(name,
			   "._-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")] ==
	       '\0';
}

bool conf_z85_ok(const char *key)
{
	for (const char *p = key; *p; p++)
		if (!strchr(alnum, *p) && !strchr(".-:+=^!/*?&<>()[]{}@%$#", *p))
			return false;
	return strlen(key) == CONF_KEY_LEN;
}

/* The host's part, with its end; the port's digits follow a ':' there. NULL if the form is wrong.
 */
static const char *host_end(const char *host, bool any)
{
	size_t len;

	if (any && host[0] == '*')
		return host + 1;
	if (host[0] == '[') {
		char text[INET6_ADDRSTRLEN];
		struct in6_addr address;

		len = strcspn(host + 1, "]%");
		if (len >= sizeof text)
			return NULL;
		memcpy(text, host + 1, len);
		text[len] = '\0';
		if (inet_pton(AF_INET6, text, &address) != 1)
			return NULL;
		const char *end = host + 1 + len;
		if (*end == '%') { /* a link-local address's interface */
			size_t zone = strspn(end + 1, alnum);
			if (zone == 0 || zone > 15)
				return NULL;
			end += 1 + zone;
		}
		return *end == ']' ? end + 1 : NULL;
	}
	len = strcspn(host, ":");
	if (len == 0 || len > HOST_MAX_LEN)
		return NULL;
	for (size_t i = 0; i < len; i++)
		if (!strchr(alnum, host[i]) && !strchr(".-_", host[i]))
			return NULL;
	return host + len;
}

/* The port of an address, 0 if the address is wrong; *end is set to the ':' before it. */
static int address_port(const char *address, bool any, const char **end)
{
	if (strncmp(address, "tcp://", 6) != 0)
		return 0;
	const char *colon = host_end(address + 6, any);
	if (!colon || *colon != ':')
		return 0;
	const char *port = colon + 1;
	size_t len = strspn(port, digits);
	if (len == 0 || len > 5 || port[len] || port[0] == '0')
		return 0;
	*end = colon;
	int number = atoi(port);
	return number <= PORT_MAX ? number : 0;
}

bool conf_address_ok(const char *address, bool any)
{
	const char *colon;

	return address_port(address, any, &colon) > 0;
}

char *conf_request_address(const char *address)
{
	const char *colon;
	int port = address_port(address, true, &colon);
	char *next;

	if (port == 0 || asprintf(&next, "%.*s:%d", (int)(colon - address), address, port + 1) < 0)
		return NULL;
	return next;
}

bool conf_size(const char *text, int64_t *bytes)
{
	static const char suffixes[] = "KMG";
	size_t len = strspn(text, digits);
	int shift = 0;

	if (len == 0 || len > 15 || (text[0] == '0' && len > 1))
		return false;
	if (text[len]) {
		const char *suffix = strchr(suffixes, text[len]);
		if (!suffix || text[len + 1])
			return false;
		shift = 10 * (1 + (int)(suffix - suffixes));
	}
	int64_t number = strtoll(text, NULL, 10);
	if (number > INT64_MAX >> shift)
		return false;
	*bytes = number << shift;
	return true;
}

const char *conf_path_wrong(char *path)
{
	size_t len = strlen(path);

	if (path[0] != '/')
		return "is not an absolute path";
	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	if (len == 1)
		return "can't be the root directory";
	if (!path_valid(path + 1))
		return "has a component '', '.' or '..', or is too long";
	return NULL;
}

bool conf_path_within(const char *path, const char *dir)
{
	return strcmp(path, dir) == 0 || path_below(path, dir);
}
