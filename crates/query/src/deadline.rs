//! The time limit of queries, as plan nodes: one above everything and one above each join, since a join can make rows for hours
//! out of what it has read, without ever waiting. A node ends the query when its time is up and lets other tasks run now and then.
//! Dropping the stream below it stops the work.

use std::fmt;
use std::sync::Arc;
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
