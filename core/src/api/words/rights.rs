//! Texts of methods on the rights of persons: requests, packages, corrections and erasures.

use super::words;

words! {
    "Enters a request by which somebody asks for a right. Its clock begins with its receipt: under GDPR a \
     month, under CCPA 45 days and 10 working days to confirm it, under PIPL and others the days of a setting."
        => "登记一项个人权利请求，期限自收到时起算：GDPR 为一个月，CCPA 为 45 天且须在 10 个工作日内确认收悉，PIPL 及\
         其他法律按设置的天数。";
    "access, rectification, erasure, restriction, objection, portability, withdrawal, opt_out or explanation."
        => "access（查阅、复制）、rectification（更正、补充）、erasure（删除）、restriction（限制处理）、objection（\
         反对处理）、portability（转移）、withdrawal（撤回同意）、opt_out（拒绝出售或共享）或 explanation（解\
         释说明）。";
    "gdpr, ccpa, pipl or other."
        => "gdpr、ccpa、pipl 或 other。";
    "The entity of the person's record, if it is known whose request it is."
        => "当事人记录所属的实体；身份未明时可不填。";
    "The person's record."
        => "当事人的记录。";
    "When it came, RFC 3339; now if not said."
        => "收到时间，RFC 3339；未指定时为当前时间。";
    "email, phone, post, in_person, web, app or agent."
        => "email、phone、post、in_person、web、app 或 agent。";
    "By what people know the request."
        => "供人识别该请求的编号。";
    "Who asks, where that is not the person."
        => "非本人提出时的请求人。";
    "What is asked for."
        => "请求的内容。";
    "Does a step with a rights request: confirm its receipt, ask_identity, identified (with `how`, and the \
     person's record if it was not known), start, extend (with `reason`, once), fulfil (with `what`, and \
     `result` or `receipt`), refuse (with `reason`), withdraw, or lift a restriction, objection or opt-out \
     (with `reason`). To fulfil a restriction locks the person's record and hides it from everybody but who \
     handles requests, and to lift it undoes both."
        => "对权利请求执行一个步骤：confirm 确认收悉、ask_identity 要求核验身份、identified 已核验（附 `how`，此\
         前未明时附当事人记录）、start 开始处理、extend 延期（附 `reason`，仅一次）、fulfil 完成（附 `what`，\
         可附 `result` 或 `receipt`）、refuse 拒绝（附 `reason`）、withdraw 撤回、lift 解除限制、反对或拒绝（\
         附 `reason`）。完成限制处理会锁定当事人的记录并对除处理请求者以外的所有人隐藏，解除则两者均取消。";
    "The rights request."
        => "权利请求。";
    "confirm, ask_identity, identified, start, extend, fulfil, refuse, withdraw or lift."
        => "confirm、ask_identity、identified、start、extend、fulfil、refuse、withdraw 或 lift。";
    "By what it was found out who asks."
        => "核验身份所用的方式。";
    "What was done."
        => "所采取的措施。";
    "What the person was given, an attachment of the request."
        => "交付当事人的文件，为该请求的附件。";
    "The receipt of an erasure."
        => "删除凭证。";
    "Reads a rights request."
        => "读取一项权利请求。";
    "Lists rights requests that are not answered, those that are due first before the others."
        => "列出尚未答复的权利请求，最早到期的在前。";
    "Those alone that are due before this moment, RFC 3339."
        => "仅列出在该时刻之前到期的请求，RFC 3339。";
    "Lists all rights requests, or those about one person."
        => "列出全部权利请求，或某人的请求。";
    "Tells what holds of a person by requests that were fulfilled: restricted, objected, opted_out, \
     consent_withdrawn. Whoever sees the record is told."
        => "列出因已完成的请求而对某人生效的标记：restricted（限制处理）、objected（反对处理）、opted_out（拒绝出\
         售或共享）、consent_withdrawn（已撤回同意）。可查看该记录者均可得知。";
    "Forgets a person and gives the receipt: empties the record, destroys the key of its history, and forgets \
     what was proposed to correct in it. The receipt says what is left of it where, and until when. It cannot \
     be taken back."
        => "遗忘某人并给出凭证：清空记录，销毁其历史的密钥，并一并遗忘针对它的更正申请。凭证说明何处尚有残留及其\
         期限。不可撤销。";
    "The legal basis, or whatever explains it, at most 500 bytes. It is kept, so it should name nobody."
        => "法律依据或其他说明，最长 500 字节；会被保留，故不应写出姓名。";
    "The rights request for it."
        => "据以删除的权利请求。";
    "Lists receipts of erasures, oldest first."
        => "列出删除凭证，最早的在前。";
    "Those of one record that was erased; all if not said."
        => "仅列出某条已删除记录的凭证；未指定时为全部。";
    "Looks whether a receipt of an erasure is true: its signature, its place in the ledger, and whether the \
     person is still forgotten. `signature` is null where there is none, or nobody to say whose it should be."
        => "核验删除凭证是否属实：签名、在账本中的位置，以及当事人是否仍被遗忘。没有签名或无从判断签名归属时，`signature` 为\
          null。";
    "The receipt, as `privacy.erase` gave it."
        => "`privacy.erase` 给出的凭证。";
    "Public keys of Ed25519 as 64 hexadecimal digits: the receipt must be signed by one of them. Without any, \
     it must be signed by the signer that the database is open with, if there is one."
        => "Ed25519 公钥，64 位十六进制数字：凭证须由其中之一签名。未给出时，须由数据库打开时配置的签名者签名（如\
         有）。";
    "Takes out of the search index what it still holds of records that were changed, deleted or erased. \
     `parts` is how many parts of the index were written anew for it."
        => "从搜索索引中清除已变更、已删除或已遗忘记录的残留内容。`parts` 为因此重写的索引分段数。";
    "Forgets a person: empties the record and destroys the key of its history. It cannot be taken back. \
     `receipt` is the id of the receipt, which `privacy.receipts` lists."
        => "遗忘某人：清空记录并销毁其历史的密钥。不可撤销。`receipt` 为凭证的标识，由 `privacy.receipts` 列出。";
    "Writes all that is kept of one person, as far as the user may see and export it, into a new folder: \
     `package.json` with its schema, `index.html` for people in the session's language, and attachments. \
     Without a folder, `document` is the text of `package.json`, without the contents of attachments, at most \
     16 MiB. It is entered in the ledger as an export. Of what is left out only the kinds are told."
        => "在用户可查看和导出的范围内，将所保存的某人全部信息写入新文件夹：`package.json` 及其模式、以会话语言呈\
         现供人阅读的 `index.html`，以及附件。未指定文件夹时，`document` 为 `package.json` 的文本，不含附件内\
         容，最大 16 MiB。在账本中记为一次导出。未包含的内容仅告知类别。";
    "Shows copies of a value of a person that is wrong, in texts of the person's record and of records about \
     the person. Nothing is changed."
        => "列出某人错误值的副本，包括本人记录及与其相关记录中的文本。不作任何修改。";
    "The field that is wrong."
        => "有误的字段。";
    "The value that is right."
        => "正确的值。";
    "What was wrong, where the field has been put right already."
        => "原先的错误值；字段已更正时填写。";
    "Puts a value of a person right, and the copies of it that are named, in one transaction with one cause."
        => "更正某人的值及所指定的副本，在同一事务中以同一事由完成。";
    "The copies that are changed, as {entity, record, field} of `privacy.copies`; none if not said."
        => "要修改的副本，形如 `privacy.copies` 的 {entity, record, field}；未指定时不修改副本。";
    "Proposes values for fields of a record that the user sees, with a reason. Who may change those fields of \
     the record decides. At most 10 requests of a person about a record stand open, 100 about a record, 1,000 \
     of a person."
        => "对可见记录的字段提出建议值并说明理由，由有权修改这些字段的人决定。每人对每条记录最多 10 项待处理申请\
         ，每条记录最多 100 项，每人最多 1,000 项。";
    "Why the record is wrong."
        => "认为记录有误的原因。";
    "Lists requests for corrections: one's own, those about a record, or those that stand open and that the \
     user may decide."
        => "列出更正申请：本人的、某条记录的，或可由本人决定的待处理申请。";
    "mine, undecided or record; mine if not said."
        => "mine、undecided 或 record；未指定时为 mine。";
    "The entity of the record, with `of` record."
        => "记录所属的实体，用于 `of` 为 record 时。";
    "The record, with `of` record."
        => "记录，用于 `of` 为 record 时。";
    "Gives the record the values that a request proposes, as a change by the user that names who proposed it."
        => "将申请的建议值写入记录，作为用户的一次修改，并注明由谁提出。";
    "The request for a correction."
        => "更正申请。";
    "What whoever proposed it is told."
        => "告知申请人的说明。";
    "Refuses a request for a correction."
        => "拒绝更正申请。";
    "Refers a request for a correction to a user or a team, who take part in the decision: they see the request, \
     read the record until it is decided, and may refuse it; to accept it takes the right to change the record. \
     It takes the right to share the record."
        => "将更正申请转交给用户或团队，由其参与决定：可查看该申请，并在决定作出之前查看所涉记录，也可拒绝申请；接受申请需有\
         修改该记录的权限。转交需有共享该记录的权限。";
    "Takes back a request for a correction of one's own."
        => "撤回本人的更正申请。";
}
