// What PyTorch computed, made by scripts/golden/networks.py.

import Foundation
import NeuralNetworks
import Tensors
import Testing

enum Golden {
  static func path(_ name: String) throws -> String {
    try #require(Bundle.module.path(forResource: "Golden/\(name)", ofType: "safetensors"))
  }

  static func file(_ name: String = "pytorch") throws -> Safetensors {
    try Safetensors(contentsOf: path(name))
  }
}

/// The greatest difference of two tensors, relative to the greatest magnitude of the second.
func relativeError(_ a: Tensor, _ b: Tensor) -> Float {
  guard a.shape == b.shape else { return .infinity }
  let difference = zip(a.scalars, b.scalars).map { abs($0 - $1) }
  // `max` would pass over what is not a number.
  if difference.contains(where: { !$0.isFinite }) { return .infinity }
  return (difference.max() ?? 0) / max(b.scalars.map(abs).max() ?? 0, 1e-6)
}
