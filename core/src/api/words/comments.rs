//! Texts of methods on comments, on who watches a record, and on notices.

use super::words;

words! {
    "Says something about a record that the user reads, and tells those whom it mentions and those who watch the record, \
     as far as they see it."
        => "评论用户可读的记录，并通知被提及者和关注者，以其可见该记录为限。";
    "What is said, at most 20,000 bytes."
        => "评论内容，至多 20,000 字节。";
    "Ids of the users whom it mentions, at most 50."
        => "所提及用户的标识，至多 50 个。";
    "Lists what was said about a record that the user reads, the newest first."
        => "列出用户可读记录的评论，最新的在前。";
    "Takes back a comment of one's own, with the notices of it."
        => "撤回自己的评论及其通知。";
    "The comment."
        => "评论。";
    "Watches a record that the user reads, so that the user is told of comments on it."
        => "关注用户可读的记录，有新评论时收到通知。";
    "Watches a record no longer."
        => "取消关注记录。";
    "Lists who watches a record that the user reads, as far as they see it themselves."
        => "列出用户可读记录的关注者，以其自身可见该记录为限。";
    "Lists what the user is told of, the newest first: comments that mention the user, and those on records that the user \
     watches. What has gone out of the user's reach is left out."
        => "列出用户的通知，最新的在前：提及该用户的评论，以及所关注记录的评论。已不可见的记录不列出。";
    "Whether those that were read are left out; no if not said."
        => "是否不列已读通知；未指定时为否。";
    "Says that notices were read; those of others are passed over."
        => "将通知标为已读；他人的通知不受影响。";
    "The notices, at most 1,000."
        => "通知，至多 1,000 条。";
}
