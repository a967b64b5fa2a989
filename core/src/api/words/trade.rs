//! Texts of methods on deals, forecasts and quotas.

use super::words;

words! {
    "Gives a deal its team, in the place of the one that it had: who works at it, as what, and with which share in per \
     cent. All shares together are 100, or nobody has one."
        => "设定商机团队，取代原有团队：参与人员、角色及业绩分成（百分比）。分成合计为 100，或均不填写。";
    "The people: `{user, role, share}` of each."
        => "参与人员，每人为 `{user, role, share}`。";
    "How the deal is shared with them: `read`, `edit` or `full`; not at all if not said."
        => "将商机共享给团队成员的方式：`read`、`edit` 或 `full`；未指定时不共享。";
    "What open deals are expected to bring in and won ones have, by span of time and category, from the deals that the \
     user sees. Weighted amounts are multiplied by the chance of winning in each stage."
        => "按时段和类别汇总进行中商机的预计金额与已赢单金额，以用户可见的商机为限。加权金额按各阶段赢率计算。";
    "The first day, `2026-01-01`."
        => "第一天，如 `2026-01-01`。";
    "The last day."
        => "最后一天。";
    "The spans of time: `day`, `week`, `month`, `quarter` or `year`; months if not said."
        => "时段：`day`、`week`、`month`、`quarter` 或 `year`；未指定时按月。";
    "Whether it is told by person, with the shares of teams; no if not said."
        => "是否按人员汇总（计入团队分成）；未指定时为否。";
    "The pipeline; all if not said."
        => "销售管道；未指定时为全部。";
    "A condition on the deals."
        => "对商机的条件。";
    "Sets what a person or a unit is to bring in within some days. The quota of the same days and currency gets another \
     amount, if there is one."
        => "设定个人或部门在某段时间内的业绩目标。同一期间和币种已有目标时改为新的金额。";
    "The person; either this or `unit`."
        => "人员；与 `unit` 二选一。";
    "The unit, with those below it; either this or `user`."
        => "部门，含下级；与 `user` 二选一。";
    "Whether what those bring in counts too who report to the person; no if not said."
        => "是否计入其下属的业绩；未指定时为否。";
    "How much: `CNY 128000`."
        => "金额，如 `CNY 128000`。";
    "Tells how much of quotas has come by won deals, as far as the user reads the quotas and sees the deals; at most 100 \
     of them. A deal counts for those who have shares of it, or for its owner."
        => "说明业绩目标按赢单商机的达成情况，以用户可见的目标和商机为限，至多 100 条。商机计入有分成者，无分成时计入负责人。";
    "A condition on the quotas."
        => "对业绩目标的条件。";
}
