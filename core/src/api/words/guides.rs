//! Texts of methods on guides and on help.

use super::words;

words! {
    "Lists the guides, and how far the user has come with each, as it is written down."
        => "列出引导及用户在各引导中已记录的进度。";
    "Shows a guide with its steps: what each says, what it points at as far as the user sees that, and whether it is \
     done, by what is written down and by what the data shows."
        => "显示引导及其步骤：说明、用户可见的所指对象，以及按记录和数据判断是否完成。";
    "The guide, as `guide.list` names it."
        => "引导，名称同 `guide.list` 所列。";
    "Says that a step of a guide is done. Roles that wait for the guide count from the last step on that is not \
     optional."
        => "将引导的某一步骤标为完成。最后一个必做步骤完成后，以该引导为前提的角色即生效。";
    "The step."
        => "步骤。";
    "Writes down which steps of a guide the data shows to be done."
        => "按数据记录引导中已完成的步骤。";
    "Takes back what somebody has done of a guide, so that it begins anew and roles that wait for it count no longer. \
     For administrators."
        => "撤销某用户的引导进度，须重新进行，以该引导为前提的角色随即失效。仅限管理员。";
    "Tells what is said of an entity, of one of its fields, or of a method: what people read, what it is for, and which \
     steps of guides point at it. Where nothing is named, it tells which entities and methods there are. Of entities and \
     fields that the user does not see nothing is told."
        => "说明实体、字段或方法的名称与用途，以及指向它的引导步骤；均未指定时列出可查询的实体和方法。用户不可见的实体和字段不予说明。";
    "The field; the entity itself if not said."
        => "字段；未指定时为实体本身。";
    "The method, in place of an entity."
        => "方法，用于代替实体。";
    "The guide before whose end the role counts for nothing; it counts at once if not said."
        => "须先完成的引导，完成之前角色不生效；未指定时立即生效。";
}
