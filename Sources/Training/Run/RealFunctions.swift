#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The decimal logarithm.
func logarithm10(of value: Double) -> Double { log10(value) }

/// The cosine of an angle in radians.
func cosine(of angle: Double) -> Double { cos(angle) }
