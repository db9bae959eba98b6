// Clipping against PyTorch's, and a norm that does not depend on who computes it.

import NeuralNetworks
import Tensors
import TestSupport
import Testing

@Suite struct GradientClippingTests {
  @Test(arguments: ["large", "small"]) func clipsAsPyTorch(name: String) throws {
    let golden = try Golden.file()
    let gradient = try golden.tensor("clipping/\(name)/gradient")
    let norm = GlobalNorm.norm(of: gradient)
    #expect(abs(norm / Double(try golden.tensor("clipping/\(name)/norm").item) - 1) < 1e-6)
    let coefficient = GradientClipping(maximumNorm: 2.5).coefficient(forNorm: norm)
    #expect((coefficient < 1) == (name == "large"))
    let clipped = Tensor(gradient.scalars.map { $0 * coefficient }, shape: gradient.shape)
    #expect(distance(of: clipped, from: try golden.tensor("clipping/\(name)/clipped")) < 1e-6)
  }

  @Test func slicesGiveTheBitsOfTheWhole() {
    var random = CounterRandom(seed: 5, purpose: .trial, index: 0)
    let count = GlobalNorm.chunkCount * 2 + 4321
    let vector = Tensor(shape: [count]) { scalars in
      for i in 0..<count { scalars[i] = random.uniform(in: -1..<1) }
    }
    let slices = [0..<GlobalNorm.chunkCount, GlobalNorm.chunkCount..<count].flatMap { range in
      GlobalNorm.squares(of: vector.window(from: range.lowerBound, shape: [range.count]))
    }
    #expect(slices.count == 3)
    #expect(GlobalNorm.norm(fromSquares: slices) == GlobalNorm.norm(of: vector))
    let plain = vector.scalars.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    #expect(abs(GlobalNorm.norm(of: vector) / plain - 1) < 1e-12)
  }

  @Test func edges() {
    let clipping = GradientClipping(maximumNorm: 1)
    #expect(GlobalNorm.norm(of: .zeros([0])) == 0)
    #expect(clipping.coefficient(forNorm: 0) == 1)
    #expect(clipping.coefficient(forNorm: .infinity) == 0)
    #expect(clipping.coefficient(forNorm: .nan).isNaN)
    #expect(GradientClipping(maximumNorm: 0).problem != nil)
    #expect(clipping.problem == nil)
  }
}
