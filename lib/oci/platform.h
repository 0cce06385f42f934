/* SPDX-License-Identifier: Apache-2.0 */
/* Platforms: os/architecture[/variant] (OCI image-spec image-index.md). */
#ifndef SP_OCI_PLATFORM_H
#define SP_OCI_PLATFORM_H

#include <stdbool.h>

#include "base/span.h"
#include "safeport/err.h"

#define SP_PLATFORM_PART_MAX 64

struct sp_platform {
  char os[SP_PLATFORM_PART_MAX]; /* "" if unknown */
  char architecture[SP_PLATFORM_PART_MAX];
  char variant[SP_PLATFORM_PART_MAX];    /* "" if none */
  char os_version[SP_PLATFORM_PART_MAX]; /* "" if none */
};

/* Parses "linux/arm64" or "linux/arm/v7". Fails: SP_E_USAGE. */
SP_MUST_CHECK int sp_platform_parse(struct sp_span text, struct sp_platform *out,
                                    struct sp_err *err);
#define SP_PLATFORM_TEXT_MAX (4 * SP_PLATFORM_PART_MAX)
/* "linux/arm/v7"; "unknown" if both parts are empty. */
void sp_platform_format(const struct sp_platform *platform, char out[SP_PLATFORM_TEXT_MAX]);
/* Does `have` serve who asked for `want`? arm64 is arm64/v8, amd64 is amd64/v1; a wanted variant
 * must be equal, an unwanted one may be anything; os.version is compared only if wanted. */
bool sp_platform_matches(const struct sp_platform *have, const struct sp_platform *want);
/* BuildKit's attestations call themselves unknown/unknown. */
bool sp_platform_is_unknown(const struct sp_platform *platform);

#endif
