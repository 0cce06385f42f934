/* SPDX-License-Identifier: Apache-2.0 */
/* The Link header, read for rel="next" (RFC 8288; distribution-spec 1.1 "Content discovery"). */
#ifndef SP_HTTP_LINK_H
#define SP_HTTP_LINK_H

#include "base/span.h"

/* The target of the first link whose rel holds "next", borrowed from the value; empty span if there
 * is none. */
struct sp_span sp_link_next(struct sp_span header_value);

#endif
