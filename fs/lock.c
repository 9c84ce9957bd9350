/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Writers are preferred: lookups without end must not keep an install waiting. So nothing may take
 * the same lock shared twice, and nothing does.
 */
#include "fs/lock.h"

static void init_rwlock(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(lock, &attr);
	pthread_rwlockattr_destroy(&attr);
}

void locks_init(struct locks *l)
{
	init_rwlock(&l->tree);
	for (int i = 0; i < LOCK_DIRS; i++)
		init_rwlock(&l->dirs[i]);
	for (int i = 0; i < LOCK_INODES; i++)
		pthread_mutex_init(&l->inodes[i], NULL);
}

void locks_fini(struct locks *l)
{
	pthread_rwlock_destroy(&l->tree);
	for (int i = 0; i < LOCK_DIRS; i++)
		pthread_rwlock_destroy(&l->dirs[i]);
	for (int i = 0; i < LOCK_INODES; i++)
		pthread_mutex_destroy(&l->inodes[i]);
}

static void lock_rw(pthread_rwlock_t *lock, bool exclusive)
{
	if (exclusive)
		pthread_rwlock_wrlock(lock);
	else
		pthread_rwlock_rdlock(lock);
}

void lock_tree(struct locks *l, bool exclusive)
{
	lock_rw(&l->tree, exclusive);
}

void unlock_tree(struct locks *l)
{
	pthread_rwlock_unlock(&l->tree);
}

void lock_dir(struct locks *l, uint64_t hash, bool exclusive)
{
	lock_rw(&l->dirs[hash % LOCK_DIRS], exclusive);
}

void unlock_dir(struct locks *l, uint64_t hash)
{
	pthread_rwlock_unlock(&l->dirs[hash % LOCK_DIRS]);
}

void lock_dirs(struct locks *l, uint64_t a, uint64_t b)
{
	uint64_t first = a % LOCK_DIRS;
	uint64_t second = b % LOCK_DIRS;

	if (first > second) {
		uint64_t swap = first;
		first = second;
		second = swap;
	}
	pthread_rwlock_wrlock(&l->dirs[first]);
	if (second != first)
		pthread_rwlock_wrlock(&l->dirs[second]);
}

void unlock_dirs(struct locks *l, uint64_t a, uint64_t b)
{
	pthread_rwlock_unlock(&l->dirs[a % LOCK_DIRS]);
	if (a % LOCK_DIRS != b % LOCK_DIRS)
		pthread_rwlock_unlock(&l->dirs[b % LOCK_DIRS]);
}

void lock_inode(struct locks *l, uint64_t hash)
{
	pthread_mutex_lock(&l->inodes[hash % LOCK_INODES]);
}

void unlock_inode(struct locks *l, uint64_t hash)
{
	pthread_mutex_unlock(&l->inodes[hash % LOCK_INODES]);
}
