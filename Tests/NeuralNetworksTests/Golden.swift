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
