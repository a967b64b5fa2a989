//! Texts of methods on pipelines.

use super::words;

words! {
    "Makes a pipeline with its stages, in their order: an open one first, and at least one that is won and one that is \
     lost. Where stages and deals stand from before there was any, these become the default pipeline first, by ticks."
        => "建立销售管道及其各阶段，按给定次序：首个阶段为进行中，且至少各有一个赢单和输单阶段。若已有未归入管道的阶段和商机，\
         则先将其作为默认管道，由 time.tick 逐步归入。";
    "What it is called. No two pipelines have the same name."
        => "管道名称，不可重复。";
    "For what it is."
        => "用途说明。";
    "The stages: `{name, outcome, probability, exit_fields, stagnant_days, forecast}` of each. No two stages have the same \
     name, of whatever pipeline."
        => "各阶段，每项为 `{name, outcome, probability, exit_fields, stagnant_days, forecast}`。阶段名称在所有管道中不可重复。";
    "Lists the pipelines with their stages, as far as the user sees them, by their places. Stages from before there was a \
     pipeline stand without one."
        => "按次序列出销售管道及其阶段，以用户可见者为限。建立管道之前已有的阶段单独列出。";
    "Makes a pipeline the default one, of which deals and stages are that name none."
        => "将销售管道设为默认；未指定管道的商机和阶段属于默认管道。";
    "The pipeline."
        => "销售管道。";
    "Lets an open deal go through another pipeline: in a stage of it, or in its first one. The step is one of its history."
        => "将进行中的商机转入其他销售管道的某一阶段，未指定时为首个阶段；该步骤计入阶段历史。";
    "The stage; the first one of the pipeline if not said."
        => "阶段；未指定时为该管道的首个阶段。";
    "Opens a closed deal again, with a reason, which its history keeps. It takes the right to assign the deal. Until then a \
     closed deal stays as it is, but for its owner, its tags and whether it is laid aside."
        => "重新打开已关闭的商机，须说明原因并计入阶段历史；需要分配该商机的权限。在此之前，已关闭的商机除负责人、标签和归档外\
         不可更改。";
    "The stage in which it goes on; the first open one of its pipeline if not said."
        => "继续推进的阶段；未指定时为所属管道的首个进行中阶段。";
    "Lays a closed deal aside."
        => "归档已关闭的商机。";
    "Takes a deal out again that was laid aside. It takes the right to assign the deal, and leaves it closed."
        => "取消商机归档，商机仍为关闭状态；需要分配该商机的权限。";
}
