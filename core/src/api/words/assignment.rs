//! Texts of methods by which rules give records to people, and place them in territories.

use super::words;

words! {
    "Gives a lead or an account to somebody by the assignment rules: the first one that it meets and that has somebody \
     for it. It takes the right to assign the record. What the rule did is told as far as the user sees it."
        => "按分配规则将线索或客户分配给人员：取第一条符合且有人可分的规则。须有分配该记录的权限。分配依据以用户可见者为限。";
    "Tells what assignment rules have done with a lead or an account, the last first: which rule, to whom it gave the \
     record, and who was passed over and why."
        => "说明分配规则对线索或客户所做的处理，最近的在前：依据的规则、分配给谁，以及跳过了谁及其原因。";
    "Places leads or accounts in their territories anew, after these have changed; those that name one stay where they \
     are. A call does at most 10,000 records; the cursor goes on."
        => "区域变更后重新确定线索或客户的所属区域；已指定区域者不变。每次至多 10,000 条，可凭游标继续。";
}
