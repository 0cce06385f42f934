/* SPDX-License-Identifier: Apache-2.0 */
/* Parsers of fixed formats, read field by field: strptime depends on the locale and takes blanks
 * and signs where the formats have none. */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t sp_clock_mono_ms(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t sp_clock_wall_s(void)
{
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec;
}

void sp_clock_format_rfc3339(int64_t unix_s, char out[SP_RFC3339_MAX])
{
  time_t t = unix_s;
  struct tm tm;
  if (!gmtime_r(&t, &tm) || strftime(out, SP_RFC3339_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
    out[0] = '\0';
}

#define MAX_UNIX_S 253402300799LL /* 9999-12-31T23:59:59Z: RFC 3339 has four digits for a year */

struct civil {
  int year, month, day, hour, minute, second;
};

/* Reads exactly `digits` decimal digits. */
static bool take_number(const char **p, int digits, int *out)
{
  int n = 0;
  for (int i = 0; i < digits; i++) {
    char c = (*p)[i];
    if (c < '0' || c > '9')
      return false;
    n = n * 10 + (c - '0');
  }
  *p += digits;
  *out = n;
  return true;
}

static bool take_char(const char **p, char c)
{
  if (**p != c)
    return false;
  (*p)++;
  return true;
}

static bool take_time_of_day(const char **p, struct civil *t)
{
  return take_number(p, 2, &t->hour) && take_char(p, ':') && take_number(p, 2, &t->minute) &&
         take_char(p, ':') && take_number(p, 2, &t->second);
}

static int days_in_month(int year, int month)
{
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : days[month - 1];
}

static bool is_valid(const struct civil *t)
{
  return t->month >= 1 && t->month <= 12 && t->day >= 1 &&
         t->day <= days_in_month(t->year, t->month) && t->hour <= 23 && t->minute <= 59 &&
         t->second <= 60; /* a leap second is the next minute's first */
}

/* Days since 1970-01-01 (proleptic Gregorian). Years are counted from March, so that the leap day
 * is the last day of its year. */
static int64_t days_since_epoch(const struct civil *t)
{
  int64_t y = t->year - (t->month <= 2);
  int64_t era = (y >= 0 ? y : y - 399) / 400;
  int64_t year_of_era = y - era * 400;
  int64_t day_of_year = (153 * (t->month + (t->month > 2 ? -3 : 9)) + 2) / 5 + t->day - 1;
  int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

static int64_t unix_seconds(const struct civil *t)
{
  return days_since_epoch(t) * 86400 + t->hour * 3600 + t->minute * 60 + t->second;
}

/* ".5": at least one digit, thrown away. */
static bool skip_fraction(const char **p)
{
  if (**p != '.')
    return true;
  (*p)++;
  size_t n = strspn(*p, "0123456789");
  *p += n;
  return n > 0;
}

/* "Z" or "+02:00", as seconds east. */
static bool take_offset(const char **p, int *offset_s)
{
  *offset_s = 0;
  if (take_char(p, 'Z') || take_char(p, 'z'))
    return true;
  int sign = **p == '-' ? -1 : 1;
  int hours;
  int minutes;
  if (!take_char(p, '+') && !take_char(p, '-'))
    return false;
  if (!take_number(p, 2, &hours) || !take_char(p, ':') || !take_number(p, 2, &minutes))
    return false;
  *offset_s = sign * (hours * 3600 + minutes * 60);
  return hours <= 23 && minutes <= 59;
}

int sp_clock_parse_rfc3339(const char *text, int64_t *unix_s)
{
  struct civil t;
  const char *p = text;
  int offset_s;
  if (!take_number(&p, 4, &t.year) || !take_char(&p, '-') || !take_number(&p, 2, &t.month) ||
      !take_char(&p, '-') || !take_number(&p, 2, &t.day))
    return -1;
  if (!take_char(&p, 'T') && !take_char(&p, 't'))
    return -1;
  if (!take_time_of_day(&p, &t) || !skip_fraction(&p) || !take_offset(&p, &offset_s) || *p != '\0')
    return -1;
  if (!is_valid(&t))
    return -1;
  *unix_s = unix_seconds(&t) - offset_s;
  return *unix_s <= MAX_UNIX_S ? 0 : -1;
}

static bool take_name(const char **p, const char *const names[], int count, int *index)
{
  for (int i = 0; i < count; i++) {
    if (strncmp(*p, names[i], 3) == 0) {
      *p += 3;
      *index = i;
      return true;
    }
  }
  return false;
}

int sp_clock_parse_http_date(const char *text, int64_t *unix_s)
{
  static const char *const weekdays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  struct civil t;
  const char *p = text;
  int weekday; /* read and not compared: the date says it all */
  if (!take_name(&p, weekdays, 7, &weekday) || !take_char(&p, ',') || !take_char(&p, ' '))
    return -1;
  if (!take_number(&p, 2, &t.day) || !take_char(&p, ' ') || !take_name(&p, months, 12, &t.month))
    return -1;
  t.month++;
  if (!take_char(&p, ' ') || !take_number(&p, 4, &t.year) || !take_char(&p, ' '))
    return -1;
  if (!take_time_of_day(&p, &t) || strcmp(p, " GMT") != 0 || !is_valid(&t))
    return -1;
  *unix_s = unix_seconds(&t);
  return 0;
}

/* -- witnesses */

#define WITNESS_AGREES_S 300

static _Atomic int64_t closest_s = INT64_MAX; /* INT64_MAX: there was none yet */

void sp_clock_note_witness(int64_t unix_s)
{
  int64_t off_s = unix_s - sp_clock_wall_s();
  int64_t known_s = atomic_load(&closest_s);
  while (llabs(off_s) < llabs(known_s) &&
         !atomic_compare_exchange_weak(&closest_s, &known_s, off_s))
    ;
}

bool sp_clock_is_agreed(void)
{
  return llabs(atomic_load(&closest_s)) <= WITNESS_AGREES_S;
}

int64_t sp_clock_off_s(void)
{
  int64_t off_s = atomic_load(&closest_s);
  return off_s == INT64_MAX || sp_clock_is_agreed() ? 0 : off_s;
}

int64_t sp_clock_seen_s(void)
{
  return sp_clock_wall_s() + sp_clock_off_s();
}
