//! Independent pieces of work on all processors, results in their order.

use std::num::NonZero;
use std::sync::Mutex;
use std::thread;

/// Documents nest as deep as the parser's limits allow, which is more than a thread's usual stack is made for.
const STACK_BYTES: usize = 16 << 20;

/// `work` on each of `items`, in their order.
pub fn map<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(items.len());
    if threads <= 1 {
        return items.into_iter().map(work).collect();
    }
    let results: Mutex<Vec<Option<R>>> = Mutex::new(items.iter().map(|_| None).collect());
    let queue = Mutex::new(items.into_iter().enumerate());
    let next = || queue.lock().expect("no work runs while the queue is locked").next();
    let worker = || {
        while let Some((at, item)) = next() {
            let result = work(item);
            results.lock().expect("no work runs while results are locked")[at] = Some(result);
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            let spawned = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, worker);
            spawned.expect("the machine has room for a thread for each processor");
        }
    });
    let results = results.into_inner().expect("every worker has ended");
    results.into_iter().map(|result| result.expect("the queue was worked off")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        assert_eq!(map((0..1000).collect(), |number: u32| number * 2), (0..1000).map(|number| number * 2).collect::<Vec<_>>());
        assert_eq!(map(Vec::new(), |number: u32| number), Vec::<u32>::new());
    }
}
