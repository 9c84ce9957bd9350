/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sim: histories from seeds.
 *
 *   sim [--seeds N] [--first S]    N histories, their failures, and a count
 *       --stop                     only until the first failure, one after the other
 *       --jobs N                   that many processes (one for each processor)
 *   sim --seed S [--trace]         one
 *       --limited                  of the last node only what is at `a` is accepted by the others
 *       --lists                    the last node excludes `b` in some of its lives only
 *       --gate                     what is saved is judged first, in all histories
 *       --held                     much is held, set aside and brought back, in all histories
 *
 * Exit status 0: all held; 1: one did not; 2: usage. Every 16th seed is run twice, and must be the
 * same.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/world.h"

#define SEED_SEC_MAX 20 /* of the processor; most take a few milliseconds */

static struct world world; /* large */

struct sim_options sim_options;

/* A step that never ends is found, too: by the processor time that it takes, whatever else the
 * machine does. */
static char endless_words[80];

static void endless(int sig)
{
	(void)sig;
	_exit(write(STDOUT_FILENO, endless_words, strlen(endless_words)) < 0 ? 2 : 1);
}

static void watch(uint64_t seed)
{
	struct itimerval limit = {.it_value.tv_sec = SEED_SEC_MAX};

	snprintf(endless_words, sizeof endless_words, "seed %llu: ends: a step does not\n",
		 (unsigned long long)seed);
	signal(SIGVTALRM, endless);
	setitimer(ITIMER_VIRTUAL, &limit, NULL);
}

/* True: all held. */
static bool run_seed(uint64_t seed, bool trace, uint64_t *hash)
{
	bool ok;

	watch(seed);
	world_run(&world, seed, trace);
	ok = !world.failed;
	if (!ok) {
		printf("seed %llu: %s\n", (unsigned long long)seed, world.failure);
		printf("reproduce: sim --seed %llu --trace%s%s%s%s\n", (unsigned long long)seed,
		       sim_options.limited ? " --limited" : "", sim_options.lists ? " --lists" : "",
		       sim_options.gate ? " --gate" : "", sim_options.held ? " --held" : "");
	}
	if (trace)
		world_print_trees(&world);
	if (trace)
		printf("seed %llu: %s: %llu steps, %llu versions (%llu combined), %llu installs, "
		       "%llu crashes, "
		       "%llu power cuts, %llu stores lost, %llu images, trace %016llx\n",
		       (unsigned long long)seed, world.weights.flavour,
		       (unsigned long long)world.steps, (unsigned long long)world.versions,
		       (unsigned long long)world.combined, (unsigned long long)world.installs,
		       (unsigned long long)world.crashes, (unsigned long long)world.power_cuts,
		       (unsigned long long)world.losses, (unsigned long long)world.put_back,
		       (unsigned long long)world.hash);
	*hash = world.hash;
	world_fini(&world);
	return ok;
}

static bool run_and_repeat(uint64_t seed)
{
	uint64_t first;
	uint64_t second;

	if (!run_seed(seed, false, &first))
		return false;
	if (seed % 16)
		return true;
	if (!run_seed(seed, false, &second))
		return false;
	if (first == second)
		return true;
	printf("seed %llu: repeatable: the same seed gave two histories\n",
	       (unsigned long long)seed);
	return false;
}

static unsigned long long run_all(unsigned long long first, unsigned long long *seeds, bool trace,
				  bool stop)
{
	unsigned long long failed = 0;
	uint64_t hash;

	for (unsigned long long i = 0; i < *seeds; i++) {
		failed += trace ? !run_seed(first + i, true, &hash) : !run_and_repeat(first + i);
		fflush(stdout);
		if (stop && failed)
			*seeds = i + 1;
	}
	return failed;
}

/* One of `jobs` processes: each takes the next seeds, by turns, and says at its end how many
 * failed. */
static void run_share(unsigned long long first, unsigned long long seeds, long job, long jobs,
		      int out)
{
	unsigned long long failed = 0;

	for (unsigned long long i = (unsigned long long)job; i < seeds;
	     i += (unsigned long long)jobs) {
		failed += !run_and_repeat(first + i);
		fflush(stdout);
	}
	_exit(write(out, &failed, sizeof failed) == sizeof failed ? 0 : 1);
}

static unsigned long long run_jobs(unsigned long long first, unsigned long long seeds, long jobs)
{
	unsigned long long failed = 0;
	unsigned long long of_one;
	int status;
	int fds[2];

	if (pipe(fds) < 0)
		abort();
	for (long job = 0; job < jobs; job++) {
		pid_t pid = fork();

		if (pid < 0)
			abort();
		if (pid == 0)
			run_share(first, seeds, job, jobs, fds[1]);
	}
	close(fds[1]);
	while (read(fds[0], &of_one, sizeof of_one) == sizeof of_one)
		failed += of_one;
	close(fds[0]);
	while (wait(&status) > 0) {
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			continue;
		printf("a process of the simulator ended with status %d\n", status);
		failed++;
	}
	return failed;
}

static int usage(void)
{
	fputs("usage: sim [--seeds N] [--first S] [--stop] [--jobs N] [--limited] [--lists] [--gate] [--held]\n"
	      "       sim --seed S [--trace] [--limited] [--lists] [--gate] [--held]\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seeds", required_argument, NULL, 'n'},
						{"first", required_argument, NULL, 'f'},
						{"seed", required_argument, NULL, 's'},
						{"stop", no_argument, NULL, 'x'},
						{"trace", no_argument, NULL, 't'},
						{"jobs", required_argument, NULL, 'j'},
						{"limited", no_argument, NULL, 'l'},
						{"lists", no_argument, NULL, 'e'},
						{"gate", no_argument, NULL, 'g'},
						{"held", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	unsigned long long seeds = 1000;
	unsigned long long first = 1;
	unsigned long long failed = 0;
	bool trace = false;
	bool stop = false;
	long jobs = sysconf(_SC_NPROCESSORS_ONLN);
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n')
			seeds = strtoull(optarg, NULL, 10);
		else if (c == 'f')
			first = strtoull(optarg, NULL, 10);
		else if (c == 's') {
			first = strtoull(optarg, NULL, 10);
			seeds = 1;
		} else if (c == 'x')
			stop = true;
		else if (c == 't')
			trace = true;
		else if (c == 'j')
			jobs = atol(optarg);
		else if (c == 'l')
			sim_options.limited = true;
		else if (c == 'e')
			sim_options.lists = true;
		else if (c == 'g')
			sim_options.gate = true;
		else if (c == 'h')
			sim_options.held = true;
		else
			return usage();
	}
	if (optind != argc)
		return usage();
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	printf("seeds %llu to %llu\n", first, first + seeds - 1);
	fflush(stdout);
	if (trace || stop || seeds == 1 || jobs < 2)
		failed = run_all(first, &seeds, trace, stop);
	else
		failed = run_jobs(first, seeds, jobs);
	printf("%llu seeds, %llu failed\n", seeds, failed);
	return failed ? 1 : 0;
}
