//! Texts of methods on the list of those who must not come back unnoticed.

use super::words;

words! {
    "Whether keyed hashes of e-mail addresses, phone and identity numbers stay on the list of those who must not come \
     back unnoticed; as the setting `privacy.suppress_erased` says if not said."
        => "是否将电子邮件、电话和身份证号的密钥哈希保留在抑制名单中；未指定时依设置 `privacy.suppress_erased`。";
    "Puts an identifier on the list of those who must not come back unnoticed, such as that of somebody who asked not to be \
     entered again. A keyed hash of it is kept, and nothing else."
        => "将一个标识列入抑制名单，例如要求不再被录入者的标识。仅保存其密钥哈希，不保存其他内容。";
    "`email`, `phone` or `identity_number`."
        => "`email`、`phone` 或 `identity_number`。";
    "The identifier, in whatever way it is written."
        => "标识，写法不限。";
    "What explains it, at most 500 bytes. It is kept, so it should name nobody."
        => "说明，至多 500 字节。该说明会保留，不应指明任何人。";
    "Puts all identifiers of a person's record on the list of those who must not come back unnoticed."
        => "将某个人记录的全部标识列入抑制名单。";
    "Tells which identifiers of a person's record would be put on the list, and which are on it. Nothing is changed."
        => "列出某个人记录中将被列入名单的标识，以及其中已在名单上的标识。不作任何修改。";
    "Tells which identifiers are on the list, in their order: for a host before it imports or sends. At most 1000."
        => "依次说明各标识是否在名单上，供宿主在导入或发送之前查询。至多 1000 个。";
    "Objects of `kind` and `value`."
        => "由 `kind` 和 `value` 组成的对象。";
    "Lists the hashes of those who must not come back unnoticed, in no order that says anything."
        => "列出抑制名单中的哈希，其顺序不含任何信息。";
    "Takes an identifier off the list of those who must not come back unnoticed: the person wants to be entered again."
        => "将一个标识移出抑制名单：本人希望再次被录入。";
    "The name of its hash, 64 hexadecimal digits."
        => "其哈希的名称，64 位十六进制数字。";
    "Why. The ledger keeps it."
        => "理由，记入账本。";
}
