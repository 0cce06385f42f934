/* SPDX-License-Identifier: Apache-2.0 */
/* SIGINT and SIGTERM: the first asks the session to stop, the second does what it always does. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

struct sp_session;

/* From now on the first signal goes to this session (borrowed until interrupt_forget). */
void interrupt_tell(struct sp_session *session);
/* Signals have their usual effect again. */
void interrupt_forget(void);

#endif
