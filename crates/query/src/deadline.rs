//! The time limit of queries, as plan nodes: one above everything and one above each join, since a join can make rows for hours
//! out of what it has read, without ever waiting. A node ends the query when its time is up and lets other tasks run now and then.
//! Dropping the stream below it stops the work.
//!
//! And one more node, below nested-loop joins: one that what they gather from can be asked only once ([`OnceExec`]).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr,
    PlanProperties, ReplaceChildrenOptions,
};
use futures::StreamExt as _;

/// How the message of a query that ran out of time begins.
pub(crate) const TIMEOUT: &str = "query time limit";

/// Puts a [`DeadlineExec`] above every plan and every join in it.
#[derive(Debug)]
pub(crate) struct DeadlineRule(pub(crate) Duration);

impl PhysicalOptimizerRule for DeadlineRule {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let limited = |input| -> Arc<dyn ExecutionPlan> {
            Arc::new(DeadlineExec {
                input,
                limit: self.0,
            })
        };
        let plan = plan.transform_up(|node| {
            let node = ask_once(node)?;
            Ok(
                if node.name().contains("Join") || node.name() == "UnnestExec" {
                    Transformed::yes(limited(node))
                } else {
                    Transformed::no(node)
                },
            )
        })?;
        Ok(limited(plan.data))
    }

    fn name(&self) -> &str {
        "deadline"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A nested-loop join whose left side does not fit into memory runs that side a second time, to spill it. What has joins or exchanges
/// below cannot be run twice: it gives nothing the second time, and the answer is silently wrong; and the fallback itself repeats rows
/// of outer and semi joins (both said in the engine's sources, version 54). So the second time is an error in words.
fn ask_once(node: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    if node.name() != "NestedLoopJoinExec" {
        return Ok(node);
    }
    let mut children: Vec<Arc<dyn ExecutionPlan>> = node.children().into_iter().cloned().collect();
    if let Some(left) = children.first_mut() {
        *left = Arc::new(OnceExec::new(Arc::clone(left)));
    }
    node.replace_children(
        children,
        ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
    )
}

/// A plan that runs once; see [`ask_once`].
#[derive(Debug)]
struct OnceExec {
    input: Arc<dyn ExecutionPlan>,
    ran: AtomicBool,
}

impl OnceExec {
    fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        Self {
            input,
            ran: AtomicBool::new(false),
        }
    }
}

impl DisplayAs for OnceExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OnceExec")
    }
}

impl ExecutionPlan for OnceExec {
    fn name(&self) -> &str {
        "OnceExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match <[_; 1]>::try_from(children) {
            Ok([input]) => Ok(Arc::new(Self::new(input))),
            Err(_) => Err(DataFusionError::Internal("one plan runs once".to_owned())),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
        )
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        if self.ran.swap(true, Ordering::AcqRel) {
            return Err(DataFusionError::ResourcesExhausted(
                "one side of a join by a condition other than equality does not fit".to_owned(),
            ));
        }
        self.input.execute(partition, context)
    }
}

#[derive(Debug)]
struct DeadlineExec {
    input: Arc<dyn ExecutionPlan>,
    limit: Duration,
}

impl DisplayAs for DeadlineExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeadlineExec: {:?}", self.limit)
    }
}

impl ExecutionPlan for DeadlineExec {
    fn name(&self) -> &str {
        "DeadlineExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match <[_; 1]>::try_from(children) {
            Ok([input]) => Ok(Arc::new(Self {
                input,
                limit: self.limit,
            })),
            Err(_) => Err(DataFusionError::Internal(
                "a deadline stands above one plan".to_owned(),
            )),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
        )
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let schema = input.schema();
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            schema,
            limited(input, self.limit),
        )))
    }
}

/// The stream until its time is up, then the error.
fn limited(
    input: SendableRecordBatchStream,
    limit: Duration,
) -> impl futures::Stream<Item = Result<arrow::array::RecordBatch>> {
    let end = tokio::time::Instant::now() + limit;
    futures::stream::unfold(Some(input), move |input| async move {
        let mut input = input?;
        tokio::task::consume_budget().await;
        // A stream that always has a row ready is never interrupted by a timer.
        if tokio::time::Instant::now() >= end {
            return Some((
                Err(DataFusionError::Execution(format!("{TIMEOUT}: {limit:?}"))),
                None,
            ));
        }
        match tokio::time::timeout_at(end, input.next()).await {
            Ok(None) => None,
            Ok(Some(item)) => Some((item, Some(input))),
            Err(_) => Some((
                Err(DataFusionError::Execution(format!("{TIMEOUT}: {limit:?}"))),
                None,
            )),
        }
    })
}
