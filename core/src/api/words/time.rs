//! Texts of methods on calendars, recurrence, lunar days, and on what is due.

use super::words;

words! {
    "Does what is due: pools take back what nobody works at, jobs are handed out, those of plugins are done, and \
     whatever else extensions wait for. A host calls it when `time.next_due` has come, at once again while there is \
     `more`, and after every open. What fails is told, and due again a quarter of an hour later. It takes the right to \
     administer everything."
        => "处理到期事项：公海收回无人跟进的记录，交付定时任务，执行插件的任务，以及扩展所等待的其他事项。宿主在 `time.next_due` 所示时刻到来时调用；若有 `more` 则立即再次调用；每次打开数据库后也应调用。失败的事项会列出，并在一刻钟后再次到期。需要管理全部内容的权限。";
    "Most records that are worked on; 10000 if not said, and at the most."
        => "最多处理的记录数；未指定时为 10000，也是上限。";
    "Tells when something is due next, so that a host knows how long it may sleep. It takes the right to administer \
     everything."
        => "说明下一次到期的时刻，使宿主知道可以休眠多久。需要管理全部内容的权限。";
    "Says how a job ended that `time.tick` handed out. A failed one is tried again after one minute, then two, four and \
     eight, and then at its next time."
        => "报告 `time.tick` 所交付任务的结果。失败的任务依次在一、二、四、八分钟后重试，之后等待下次时间。";
    "The job."
        => "任务。";
    "The token of the lease."
        => "租约的标识。";
    "`done` or `failed`."
        => "`done`（完成）或 `failed`（失败）。";
    "What went wrong, in a few words; at most 500 characters are kept."
        => "失败原因，简要说明；至多保留 500 个字符。";
    "Says of days of a business calendar that they are holidays or make-up workdays, in place of what was said of them \
     before. The tables of `holiday-cn` are understood as they are."
        => "设定工作日历中的节假日或调休工作日，取代此前的设定。可直接使用 `holiday-cn` 的数据。";
    "The code of the calendar."
        => "日历的代码。";
    "Objects of `date`, `name`, and `isOffDay`: true for a day off, false for a workday. At most 5000."
        => "由 `date`、`name` 和 `isOffDay` 组成的对象：休息日为真，工作日为假。至多 5000 个。";
    "Tells the working hours of days of a business calendar."
        => "列出工作日历中各日的工作时间。";
    "The first day."
        => "第一天。";
    "The last day; the same if not said, at most 366 days later."
        => "最后一天；未指定时与第一天相同，至多晚 366 天。";
    "Tells when so much working time has passed, and with pauses when something is due that was paused meanwhile."
        => "说明经过指定工作时间后的时刻；如有暂停，则为计入暂停后的到期时刻。";
    "The moment from which on, RFC 3339."
        => "起算时刻，RFC 3339 格式。";
    "Seconds of working time."
        => "工作时间的秒数。";
    "Objects of `from` and `to`, RFC 3339: the working time in them is added."
        => "由 `from` 和 `to` 组成的对象，RFC 3339 格式：其间的工作时间顺延。";
    "Tells how much working time lies between two moments, in seconds; below zero where the second is earlier."
        => "说明两个时刻之间的工作时间，以秒计；后者较早时为负数。";
    "The first moment, RFC 3339."
        => "第一个时刻，RFC 3339 格式。";
    "The second moment, RFC 3339."
        => "第二个时刻，RFC 3339 格式。";
    "Lists the times of a rule of recurrence (RFC 5545) from one moment on and before another."
        => "列出重复规则（RFC 5545）自某时刻起、至另一时刻之前的各次时间。";
    "The rule: `FREQ=WEEKLY;BYDAY=MO,WE`."
        => "规则，如 `FREQ=WEEKLY;BYDAY=MO,WE`。";
    "The first time, RFC 3339."
        => "首次时间，RFC 3339 格式。";
    "The zone in whose clocks the rule speaks, by its IANA name."
        => "规则所用的时区，以 IANA 名称表示。";
    "From when on, RFC 3339; from the first time on if not said."
        => "起始时刻，RFC 3339 格式；未指定时自首次时间起。";
    "Before when, RFC 3339."
        => "截止时刻（不含），RFC 3339 格式。";
    "Most times; 100 if not said, 20000 at the most."
        => "最多列出的次数；未指定时为 100，上限 20000。";
    "Tells which day of the Chinese lunar calendar a day is."
        => "说明某日的农历日期。";
    "The day, in the lunar years 1901 to 2099."
        => "日期，须在农历 1901 至 2099 年之间。";
    "Tells when a day of the Chinese lunar calendar comes again, such as a birthday. The 30th of a month that has 29 \
     days is kept on the 29th."
        => "说明某个农历日期（如生日）下次对应的公历日期。该月仅 29 天时，三十日按二十九日计。";
    "The lunar month, 1 to 12."
        => "农历月，1 至 12。";
    "The lunar day, 1 to 30."
        => "农历日，1 至 30。";
    "Whether the month is one that is put in (a leap month); no if not said."
        => "是否为闰月；未指定时为否。";
    "`usual_month` if not said: in years that do not put the month in, it is kept in the usual one; or \
     `leap_month_alone`: only in years that do."
        => "未指定时为 `usual_month`：无该闰月的年份按平月计；或 `leap_month_alone`：仅在有该闰月的年份。";
    "The first day that may be meant."
        => "最早可能的日期。";
}
