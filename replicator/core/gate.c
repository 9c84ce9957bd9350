/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate: what is judged before it is told, or before it is installed.
 */
#include "replicator/core/state.h"

void core_gate(const struct core *c, struct core_gate *to)
{
	(void)c;
	*to = (struct core_gate){0};
}
