/** Solves a symmetric, positive definite system by Cholesky's factors. `matrix` holds n rows of n; it and `right` are left alone. */
export function solve(matrix: Float64Array, right: Float64Array): Float64Array {
  const n = right.length
  const factor = new Float64Array(n * n)
  const result = Float64Array.from(right)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j]!
      for (let k = 0; k < j; k++) sum -= factor[i * n + k]! * factor[j * n + k]!
      // A column that says nothing new is given a weight near zero, not a division by it.
      factor[i * n + j] =
        i === j ? Math.sqrt(Math.max(sum, 1e-12 * (matrix[i * n + i]! + 1e-300))) : sum / factor[j * n + j]!
    }
  }
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) result[i] = result[i]! - factor[i * n + k]! * result[k]!
    result[i] = result[i]! / factor[i * n + i]!
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) result[i] = result[i]! - factor[k * n + i]! * result[k]!
    result[i] = result[i]! / factor[i * n + i]!
  }
  return result
}
