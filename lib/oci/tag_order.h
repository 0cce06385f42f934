/* SPDX-License-Identifier: Apache-2.0 */
/* The order of tags as versions, for listings that people read. Any two texts have an order. Pure.
 *
 * Numbers are compared as numbers of any length ("1.9" before "1.10"), a "v" before a number counts
 * for nothing, and a pre-release comes before its release ("1.0.0-rc1" before "1.0.0"; alpha, beta,
 * canary, dev, nightly, pre, preview, rc, snapshot), another suffix behind it ("1.0.0-alpine").
 * What begins with no number comes first ("latest", "main").
 */
#ifndef SP_OCI_TAG_ORDER_H
#define SP_OCI_TAG_ORDER_H

/* < 0, 0 or > 0; 0 only for the same text. */
int sp_tag_compare_version(const char *a, const char *b);

#endif
