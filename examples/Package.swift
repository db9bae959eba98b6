// swift-tools-version: 6.1
import PackageDescription

// Programs that build on Relate's libraries, as one would from outside. Build and run them with
//
//   swift run --package-path examples -c release Derivatives
//   swift run --package-path examples -c release OwnTask

func relate(_ library: String) -> Target.Dependency {
  .product(name: library, package: "Relate")
}

let package = Package(
  name: "Examples",
  dependencies: [.package(name: "Relate", path: "..")],
  targets: [
    .executableTarget(name: "Derivatives", dependencies: [relate("Tensors"), relate("Autodiff")]),
    .executableTarget(
      name: "OwnTask",
      dependencies: [
        relate("Tensors"), relate("Autodiff"), relate("NeuralNetworks"), relate("Learning"),
        relate("RelationNetworks"), relate("Training"), relate("Files"),
      ]),
  ]
)
