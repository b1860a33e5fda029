//! What a value does not show of its bytes.

use super::plan::{At, NodeId, NodeKind, Plan};
use crate::btf::Endian;

/// How many bytes are looked at.
const MOST: usize = 1 << 16;

/// The bits that no member covers, by the bytes that they are in.
pub(super) fn of(plan: &Plan) -> Box<[(usize, u8)]> {
    let root = plan.node(plan.root());
    if matches!(root.kind, NodeKind::Rest) {
        return Box::default();
    }
    let mut shown = vec![0; root.size.min(MOST)];
    mark(plan, plan.root(), At::Byte(0), &mut shown);
    let holes = shown.iter().enumerate().filter(|(_, shown)| **shown != 0xff);
    holes.map(|(at, shown)| (at, !shown)).collect()
}

fn mark(plan: &Plan, id: NodeId, at: At, shown: &mut [u8]) {
    let node = plan.node(id);
    let at = match at {
        At::Byte(at) if at >= shown.len() => return,
        At::Byte(at) => at,
        At::Bits { start, width } => {
            for bit in start..start.saturating_add(width.into()) {
                let byte = usize::try_from(bit / 8).ok().and_then(|byte| shown.get_mut(byte));
                let Some(byte) = byte else { return };
                *byte |= match plan.endian {
                    Endian::Little => 1 << (bit % 8),
                    Endian::Big => 0x80 >> (bit % 8),
                };
            }
            return;
        }
    };
    match &node.kind {
        NodeKind::Fields(fields) => {
            for field in fields {
                mark(plan, field.node, field.at.moved(at), shown);
            }
        }
        NodeKind::Array { element, len, .. } => {
            let size = plan.node(*element).size;
            for nth in 0..*len {
                let at = at.saturating_add(nth.saturating_mul(size));
                if at >= shown.len() {
                    return;
                }
                mark(plan, *element, At::Byte(at), shown);
            }
        }
        _ => {
            let end = at.saturating_add(node.size).min(shown.len());
            shown[at..end].fill(0xff);
        }
    }
}
