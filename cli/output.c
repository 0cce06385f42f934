/* SPDX-License-Identifier: Apache-2.0 */
/* One block per place: a heading that says in a word how it went, then labelled facts. Everything
 * that may come from a server is escaped. */
#include "cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/scope.h"
#include "base/text.h"
#include "cli/ci.h"
#include "cli/command.h"
#include "cli/fact.h"
#include "cli/output_ci.h"
#include "cli/terminal.h"
#include "cli/verdict.h"

static void print_heading(const struct sp_report *report, const struct sp_report_place *place)
{
  struct verdict heading = verdict_of(report, place);
  fact_print_escaped(stdout, place->name);
  printf(": %s%s%s\n", heading.color ? terminal_color(heading.color) : "", _(heading.text),
         heading.color ? terminal_color(COLOR_NONE) : "");
}

static void print_tags(const struct sp_report_place *place)
{
  size_t widest = 0;
  for (size_t i = 0; i < place->tag_count; i++) {
    size_t len = strlen(place->tags[i].name);
    widest = len > widest ? len : widest;
  }
  for (size_t i = 0; i < place->tag_count; i++) {
    const struct sp_report_tag *tag = &place->tags[i];
    fact_print(i == 0 ? _("tags") : "", "%-*s  %s", (int)widest, tag->name,
               _(verdict_tag_text(tag->result)));
  }
}

static void print_blobs(const struct sp_report *report, const struct sp_report_place *place)
{
  char bytes[SP_SIZE_TEXT_MAX];
  unsigned long long present = place->blobs_present, mounted = place->blobs_mounted;
  if (report->dry_run) {
    sp_text_format_size(bytes, place->bytes_to_send);
    fact_print(_("blobs"), _("%llu to send (%s), %llu there already"),
               (unsigned long long)place->blobs_to_send, bytes, present);
    fact_print(_("manifests"), _("%llu to put, %llu there already"),
               (unsigned long long)(place->manifests_total - place->manifests_present),
               (unsigned long long)place->manifests_present);
    fact_print(_("requests"), "%llu", (unsigned long long)place->requests_planned);
    return;
  }
  if (report->kind == SP_REPORT_VERIFY) {
    fact_print(_("blobs"), _("%llu of %llu good"), present, (unsigned long long)place->blobs_total);
    return;
  }
  sp_text_format_size(bytes, place->bytes_sent);
  fact_print(_("blobs"), _("%llu sent (%s), %llu mounted, %llu there already"),
             (unsigned long long)place->blobs_sent, bytes, mounted, present);
}

static void print_pulls(const struct sp_report *report, const struct sp_report_place *place)
{
  unsigned long long planned = place->pulls_planned, left = place->pulls_left;
  if (report->dry_run && place->has_pulls_left)
    fact_print(_("pulls"), _("%llu needed, %llu left, %llu kept in reserve"), planned, left,
               (unsigned long long)place->pulls_reserved);
  else if (report->dry_run && planned > 0)
    fact_print(_("pulls"), _("%llu needed"), planned);
  else if (place->has_pulls_left)
    fact_print(_("pulls"), _("%llu left"), left);
}

static const char *proof_text(const char *proof)
{
  static const struct {
    const char *name, *text;
  } texts[] = {
      {"claimed", N_("claimed: the registry says that everything is there")},
      {"touched",
       N_("touched: every manifest hashed, every blob sent now or its last byte fetched")},
      {"read", N_("read: every byte hashed")},
  };
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    if (proof && strcmp(proof, texts[i].name) == 0)
      return _(texts[i].text);
  }
  return _("none");
}

/* The words that reports use; here so that they are found for translation. */
__attribute__((unused)) static const char *const report_words[] = {
    N_("layer"),
    N_("config"),
    N_("manifest"),
    N_("index"),
    N_("blob"),
    N_("referrer"),
    N_("image"),
    N_("record"),
    N_("missing"),
    N_("different"),
    N_("short"),
    N_("wrong bytes"),
    N_("kept bad in spite of a new upload")};

static void print_damage(const struct sp_report_place *place)
{
  for (size_t i = 0; i < place->damage_count; i++) {
    const struct sp_report_damage *damage = &place->damage[i];
    printf("  %s", terminal_color(COLOR_BAD));
    fact_print_escaped(stdout, damage->digest);
    printf(" (%s): %s%s\n", _(damage->what), _(damage->finding), terminal_color(COLOR_NONE));
  }
}

static void print_place(const struct sp_report *report, const struct sp_report_place *place)
{
  print_heading(report, place);
  print_tags(place);
  bool is_verify = report->kind == SP_REPORT_VERIFY;
  bool is_good = report->digest && place->err.code == SP_OK && place->damage_count == 0;
  bool is_named = !verdict_has_tag(place, SP_TAG_NOT_SET) && !verdict_has_tag(place, SP_TAG_UNSURE);
  if (is_good && is_named && !is_verify)
    fact_print(_("digest"), "%s", report->digest);
  if (!report->dry_run)
    fact_print(_("proof"), "%s", proof_text(place->proof));
  if (is_good || place->blobs_sent > 0 || place->blobs_mounted > 0 ||
      (is_verify && place->blobs_total > 0))
    print_blobs(report, place);
  print_pulls(report, place);
  print_damage(place);
}

static size_t count_good(const struct sp_report *report)
{
  size_t good = 0;
  for (size_t i = 0; i < report->place_count; i++)
    good += verdict_is_good(report, &report->places[i]);
  return good;
}

static void print_push_summary(const struct sp_report *report)
{
  if (report->dry_run) {
    puts(_("dry run: nothing was sent"));
    return;
  }
  char bytes[SP_SIZE_TEXT_MAX];
  sp_text_format_size(bytes, report->bytes_read);
  printf(_("%s is in %zu of %zu places (%.1f s, %s read from the source)\n"),
         report->digest ? report->digest : _("the image"), count_good(report), report->place_count,
         report->seconds, bytes);
}

static void print_verify_summary(const struct sp_report *report)
{
  if (report->exit_status == 0)
    printf(_("both sides hold %s (%.1f s)\n"), report->digest ? report->digest : _("the image"),
           report->seconds);
  else
    printf(_("the two sides do not hold the same, whole image (%.1f s)\n"), report->seconds);
}

static void print_text(const struct sp_report *report)
{
  for (size_t i = 0; i < report->place_count; i++) {
    print_place(report, &report->places[i]);
    putchar('\n');
  }
  for (size_t i = 0; i < report->note_count; i++) {
    printf("%s ", _("note:"));
    fact_print_escaped(stdout, report->notes[i]);
    putchar('\n');
  }
  if (report->kind == SP_REPORT_VERIFY)
    print_verify_summary(report);
  else
    print_push_summary(report);
  if (report->goes_on_at_s > 0) {
    char at[SP_RFC3339_MAX];
    sp_clock_format_rfc3339(report->goes_on_at_s, at);
    printf(_("unproven, goes on at %s: pulls are held in reserve\n"), at);
  }
}

/* What text output escapes may stand in JSON, but still would reach a terminal, or the runner of
 * GitHub's as a command. In JSON it can only be a part of a text, where \u means the same; but for
 * the ends of lines, which are the document's own. */
void output_json(FILE *to, const char *text)
{
  struct sp_span rest = sp_span_str(text);
  size_t at, len;
  uint32_t code;
  while ((len = sp_text_find_unsafe(rest, &at, &code)) > 0) {
    fwrite(rest.ptr, 1, at, to);
    if (code == '\n')
      fputc('\n', to);
    else
      fprintf(to, "\\u%04x", (unsigned)code);
    rest = sp_span_skip(rest, at + len);
  }
  fwrite(rest.ptr, 1, rest.len, to);
}

static void print_error(const struct sp_err *err)
{
  if (err->code != SP_OK)
    ci_print_error(err->msg);
}

int output_flush(int status)
{
  static bool said;
  if (fflush(stdout) == 0 && !ferror(stdout))
    return status;
  if (!said)
    fprintf(stderr, _("safeport: cannot write the result: %s\n"), strerror(errno));
  said = true;
  return status == 2 || status > 128 ? status : 7; /* these are told first */
}

int output_report(const struct sp_report *report, bool json)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_FREE char *text = NULL;
  int failed = 0;
  if (sp_report_format_json(report, &text, &err) < 0)
    failed = command_fail(&err);
  else if (json)
    output_json(stdout, text);
  if (!json)
    print_text(report);
  int status = output_flush(failed ? failed : report->exit_status);
  print_error(&report->err);
  for (size_t i = 0; i < report->place_count; i++)
    print_error(&report->places[i].err);
  output_ci_tell(report, text);
  return status;
}
