/** New York's clock, by the law since 2007: markets wake, and news comes, by it, also where nobody sleeps. */

const HOUR = 3600
const DAY = 86_400
const [WINTER, SUMMER] = [-5 * HOUR, -4 * HOUR]

/** What that clock shows at `time`, both in seconds since 1970. An hour is shown twice on the first Sunday of November, and one is left out on the second of March. */
export function newYorkOf(time: number): number {
  const year = yearOf(time)
  const march = newYearOf(year) + 59 + leapDayOf(year)
  const begins = (sundayFrom(march) + 7) * DAY + 2 * HOUR - WINTER
  const ends = sundayFrom(march + 245) * DAY + 2 * HOUR - SUMMER
  return time + (time >= begins && time < ends ? SUMMER : WINTER)
}

/** Days from 1970 to the first of January. No century is told from another year before 2100. */
function newYearOf(year: number): number {
  return 365 * (year - 1970) + ((year - 1969) >> 2)
}

function yearOf(time: number): number {
  const days = (time / DAY) | 0
  const guess = 1970 + ((days / 365) | 0)
  return newYearOf(guess) > days ? guess - 1 : guess
}

function leapDayOf(year: number): number {
  return year % 4 === 0 ? 1 : 0
}

/** The first Sunday on or after a day: the first of 1970 was a Thursday. */
function sundayFrom(day: number): number {
  return day + ((10 - (day % 7)) % 7)
}
