/** Numbers as NumPy counts them: rounding, percentiles, least squares. */

/** Python's round: halves go to the even neighbour. */
export function round(value) {
  const below = Math.floor(value);
  const part = value - below;
  if (part !== 0.5) return part < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

export const clip = (value, low, high) => Math.min(Math.max(value, low), high);

/** Values from smallest to largest, in a copy. */
export const sorted = (values) => Float64Array.from(values).sort();

/** The percentiles `which` of values, interpolated linearly. */
export function percentiles(values, which) {
  const ordered = sorted(values);
  return which.map((one) => {
    const place = (one / 100) * (ordered.length - 1);
    const below = Math.floor(place);
    const above = Math.min(below + 1, ordered.length - 1);
    return ordered[below] + (place - below) * (ordered[above] - ordered[below]);
  });
}

export const percentile = (values, which) => percentiles(values, [which])[0];

export function sum(values) {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Standard deviations along the axes of a cloud of points, the shorter first. */
export function axes(a, b) {
  const count = a.length;
  const [meanA, meanB] = [sum(a) / count, sum(b) / count];
  let [aa, ab, bb] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    aa += (a[i] - meanA) ** 2;
    ab += (a[i] - meanA) * (b[i] - meanB);
    bb += (b[i] - meanB) ** 2;
  }
  return eigenvalues(aa / (count - 1), ab / (count - 1), bb / (count - 1)).map((one) => Math.sqrt(Math.max(one, 0)));
}

/** Of the symmetric matrix [[aa, ab], [ab, bb]], the smaller first. */
export function eigenvalues(aa, ab, bb) {
  const middle = (aa + bb) / 2;
  const reach = Math.hypot((aa - bb) / 2, ab);
  return [middle - reach, middle + reach];
}

/** The direction of the larger eigenvalue of [[aa, ab], [ab, bb]]. */
export function mainAxis(aa, ab, bb) {
  const angle = Math.atan2(2 * ab, aa - bb) / 2;
  return [Math.cos(angle), Math.sin(angle)];
}

/**
 * Coefficients of weighted least squares, with a little ridge.
 *
 * @param {Float64Array[]} basis columns of `n` values.
 * @param {Float64Array[]} targets columns of `n` values.
 * @returns {number[][]} a list of coefficients for each target.
 */
export function leastSquares(basis, targets, weight) {
  const size = basis.length;
  const weighted = basis.map((column) => column.map((value, i) => value * weight[i]));
  const matrix = weighted.map((row, i) => basis.map((column, j) => dot(row, column) + (i === j ? 1e-3 : 0)));
  const rows = matrix.map((row, i) => [...row, ...targets.map((target) => dot(weighted[i], target))]);
  eliminate(rows, size);
  return targets.map((_, t) => rows.map((row) => row[size + t]));
}

function dot(a, b) {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

/** Gauss-Jordan with partial pivots, in place: the right-hand sides become the solutions. */
function eliminate(rows, size) {
  for (let i = 0; i < size; i++) {
    let pivot = i;
    for (let j = i + 1; j < size; j++) if (Math.abs(rows[j][i]) > Math.abs(rows[pivot][i])) pivot = j;
    [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
    const scale = 1 / rows[i][i];
    rows[i] = rows[i].map((value) => value * scale);
    for (let j = 0; j < size; j++) {
      const factor = rows[j][i];
      if (j !== i && factor !== 0) rows[j] = rows[j].map((value, k) => value - factor * rows[i][k]);
    }
  }
}

/** What coefficients give at each place: the sum of columns. */
export function combined(basis, coefficients) {
  const made = new Float64Array(basis[0].length);
  coefficients.forEach((coefficient, k) => {
    const column = basis[k];
    for (let i = 0; i < made.length; i++) made[i] += coefficient * column[i];
  });
  return made;
}

export const subtracted = (a, b) => a.map((value, i) => value - b[i]);

/** Lengths of the vectors with these components, one or two. */
export const norms = (a, b = null) => Float64Array.from(a, (value, i) => (b ? Math.hypot(value, b[i]) : Math.abs(value)));

/** Fit of least absolute deviation: what does not belong is left out instead of bending it. */
export function robustFit(basis, targets, weight, rounds) {
  let now = weight;
  let found = [];
  for (let i = 0; i < rounds; i++) {
    found = leastSquares(basis, targets, now);
    const left = norms(...targets.map((target, t) => subtracted(target, combined(basis, found[t]))));
    now = weight.map((value, k) => value / Math.max(left[k], 0.7));
  }
  return found;
}
