/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A bad network between hosts: a hub for their Ethernets that delays, loses, and cuts links, also in
 * one direction only. For kernels that have no netem.
 *
 *   lossy plain IFACE...           checksums and segments are made before packets leave these (in each
 *                                  host, for its side: nobody else does it on their way)
 *   lossy hub RULES IFACE...       IFACE: a host's end in the world, number 1, 2, ...
 *
 * RULES is a file, read anew when it has changed: lines "FROM TO LOSS-PERMILLE DELAY-MS JITTER-MS",
 * where 1000 is a cut; the last line that fits counts, 0 stands for every host, and without any a
 * packet passes at once. What is not between hosts (ARP's broadcasts aside) is not forwarded. At most
 * QUEUE_MAX packets are under way; more are lost.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HOSTS_MAX 8
#define RULES_MAX 64
#define QUEUE_MAX 4096
#define PACKET_MAX 2048

struct rule {
	int from, to, loss, delay, jitter;
};

struct packet {
	int64_t at_usec;
	int to;
	size_t len;
	uint8_t bytes[PACKET_MAX];
};

static int sockets[HOSTS_MAX + 1];
static uint8_t macs[HOSTS_MAX + 1][ETH_ALEN]; /* learned: all 0 at first */
static int nhosts;
static struct rule rules[RULES_MAX];
static int nrules;
static struct packet *queue[QUEUE_MAX]; /* by time */
static int nqueue;

static void fail(const char *what)
{
	fprintf(stderr, "lossy: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int64_t now_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void make_plain(const char *name)
{
	static const uint32_t off[] = {ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
		struct ethtool_value value = {.cmd = off[i], .data = 0};
		struct ifreq request = {.ifr_data = (char *)&value};

		strncpy(request.ifr_name, name, IFNAMSIZ - 1);
		if (ioctl(s, SIOCETHTOOL, &request) < 0)
			fail(name);
	}
	close(s);
}

static int open_interface(const char *name)
{
	struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	struct packet_mreq promiscuous = {.mr_type = PACKET_MR_PROMISC};
	int on = 1;
	int s = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	a.sll_ifindex = promiscuous.mr_ifindex = (int)if_nametoindex(name);
	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof a) < 0 ||
	    setsockopt(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) <
		0 ||
	    setsockopt(s, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) < 0)
		fail(name);
	return s;
}

static void read_rules(const char *file)
{
	static struct timespec last;
	struct stat st;
	struct rule r;
	FILE *f;

	if (stat(file, &st) < 0 ||
	    (st.st_mtim.tv_sec == last.tv_sec && st.st_mtim.tv_nsec == last.tv_nsec))
		return;
	f = fopen(file, "re");
	if (!f)
		return;
	last = st.st_mtim;
	nrules = 0;
	while (nrules < RULES_MAX &&
	       fscanf(f, "%d %d %d %d %d", &r.from, &r.to, &r.loss, &r.delay, &r.jitter) == 5)
		rules[nrules++] = r;
	fclose(f);
}

static void enqueue(int from, int to, const uint8_t *bytes, size_t len)
{
	struct rule r = {0};
	int at;

	for (int i = 0; i < nrules; i++)
		if ((rules[i].from == 0 || rules[i].from == from) &&
		    (rules[i].to == 0 || rules[i].to == to))
			r = rules[i];
	if (rand() % 1000 < r.loss || nqueue == QUEUE_MAX)
		return;
	struct packet *p = malloc(sizeof *p);
	if (!p)
		return;
	p->at_usec = now_usec() + 1000 * r.delay + (r.jitter ? rand() % (1000 * r.jitter) : 0);
	p->to = to;
	p->len = len;
	memcpy(p->bytes, bytes, len);
	for (at = nqueue++; at > 0 && queue[at - 1]->at_usec > p->at_usec; at--)
		queue[at] = queue[at - 1];
	queue[at] = p;
}

static void forward(int from, const uint8_t *bytes, size_t len)
{
	if (len < ETH_HLEN)
		return;
	memcpy(macs[from], bytes + ETH_ALEN, ETH_ALEN);
	for (int to = 1; to <= nhosts; to++) {
		bool wanted = bytes[0] & 1 || memcmp(macs[to], bytes, ETH_ALEN) == 0;

		if (to != from && wanted)
			enqueue(from, to, bytes, len);
	}
}

static void receive(int from)
{
	uint8_t bytes[PACKET_MAX];
	ssize_t n;

	while ((n = recv(sockets[from], bytes, sizeof bytes, MSG_TRUNC)) > 0)
		if ((size_t)n <= sizeof bytes)
			forward(from, bytes, (size_t)n);
}

static void send_due(void)
{
	int64_t now = now_usec();
	int sent = 0;

	for (; sent < nqueue && queue[sent]->at_usec <= now; sent++) {
		ssize_t n = send(sockets[queue[sent]->to], queue[sent]->bytes, queue[sent]->len, 0);
		(void)n; /* a full queue is a loss, too */
		free(queue[sent]);
	}
	nqueue -= sent;
	memmove(queue, queue + sent, (size_t)nqueue * sizeof *queue);
}

static void hub(const char *file)
{
	struct pollfd p[HOSTS_MAX];

	for (int i = 0; i < nhosts; i++)
		p[i] = (struct pollfd){.fd = sockets[i + 1], .events = POLLIN};
	for (;;) {
		int64_t wait = nqueue ? queue[0]->at_usec - now_usec() : 100000;

		wait = wait < 0 ? 0 : wait > 100000 ? 100000 : wait;
		if (ppoll(p, (nfds_t)nhosts, &(struct timespec){0, wait * 1000}, NULL) < 0 &&
		    errno != EINTR)
			fail("poll");
		read_rules(file);
		for (int i = 0; i < nhosts; i++)
			if (p[i].revents)
				receive(i + 1);
		send_due();
	}
}

int main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "plain") == 0) {
		for (int i = 2; i < argc; i++)
			make_plain(argv[i]);
		return 0;
	}
	if (argc < 4 || strcmp(argv[1], "hub") != 0 || argc - 3 > HOSTS_MAX) {
		fprintf(stderr, "usage: lossy plain IFACE... | hub RULES IFACE...\n");
		return 2;
	}
	nhosts = argc - 3;
	for (int i = 1; i <= nhosts; i++)
		sockets[i] = open_interface(argv[i + 2]);
	srand(1);
	hub(argv[2]);
}
