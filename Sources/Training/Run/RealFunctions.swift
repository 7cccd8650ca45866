#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The natural logarithm.
func naturalLogarithm(of value: Double) -> Double { log(value) }

/// eˣ.
func exponential(of value: Double) -> Double { exp(value) }

/// The cosine of an angle in radians.
func cosine(of angle: Double) -> Double { cos(angle) }
