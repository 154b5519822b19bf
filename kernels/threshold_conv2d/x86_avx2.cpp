// LutP: tables of four inputs (tables_avx2.h) for pairs of pixels that lie half an image apart.
#include "kernels/threshold_conv2d/tables_avx2.h"

namespace binmorph::kernels {
namespace {

struct Finish {
  const std::int16_t* threshold;  // of class 0, less one: [32-lane vectors][even, odd][16]
  const std::int32_t* constant;   // of class 0
  const std::int16_t* constant16;
  unsigned shift;
  const std::uint8_t* invert;
  std::size_t lanes;  // from one class to the next
};

inline void put(const Finish& f, std::size_t pixel_class, int v, __m256i even, __m256i odd,
                std::uint8_t* to) {
  const std::int16_t* threshold = f.threshold + pixel_class * f.lanes + v * kNibbleLanes;
  const __m256i fires = _mm256_packs_epi16(_mm256_cmpgt_epi16(even, load(threshold)),
                                           _mm256_cmpgt_epi16(odd, load(threshold + 16)));
  std::uint32_t bits;
  std::memcpy(&bits, f.invert + 4 * v, sizeof bits);
  bits ^= static_cast<std::uint32_t>(_mm256_movemask_epi8(fires));
  std::memcpy(to + 4 * v, &bits, sizeof bits);
}

inline void put(const Finish& f, std::size_t pixel_class, int v, __m256i even, __m256i odd,
                std::int32_t* to) {
  const std::int32_t* constant = f.constant + pixel_class * f.lanes;
  const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(f.shift));
  const __m128i parts[4] = {_mm256_castsi256_si128(even), _mm256_castsi256_si128(odd),
                            _mm256_extracti128_si256(even, 1), _mm256_extracti128_si256(odd, 1)};
  for (int i = 0; i < 4; ++i) {
    const std::size_t at = v * kNibbleLanes + 8 * i;
    const __m256i sum = _mm256_sll_epi32(_mm256_cvtepu16_epi32(parts[i]), shift);
    store(to + at, _mm256_add_epi32(sum, load(constant + at)));
  }
}

inline void put(const Finish& f, std::size_t pixel_class, int v, __m256i even, __m256i odd,
                std::int16_t* to) {
  const std::size_t at = v * kNibbleLanes;
  const std::int16_t* constant = f.constant16 + pixel_class * f.lanes + at;
  const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(f.shift));
  const __m256i halves[2] = {_mm256_permute2x128_si256(even, odd, 0x20),
                             _mm256_permute2x128_si256(even, odd, 0x31)};
  for (int i = 0; i < 2; ++i)
    store(to + at + 16 * i, _mm256_add_epi16(_mm256_sll_epi16(halves[i], shift), load(constant + 16 * i)));
}

// 16 codes of a word of each pixel: 16 (a | b << 4), the offset of the table's row.
inline void store_codes(std::uint64_t a, std::uint64_t b, std::uint16_t* to) {
  const __m128i words = _mm_set_epi64x(static_cast<long long>(b), static_cast<long long>(a));
  const __m128i nibble = _mm_set1_epi8(0x0f);
  const __m128i low = _mm_and_si128(words, nibble), high = _mm_and_si128(_mm_srli_epi16(words, 4), nibble);
  const __m256i first = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(low, high));
  const __m256i second = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(low, high));
  store(to, _mm256_or_si256(_mm256_slli_epi16(first, 4), _mm256_slli_epi16(second, 8)));
}

// Pairs of pixels at a constant distance in the image, and their codes.
struct Pairs {
  std::uint16_t* codes;
  std::size_t rows, columns;                // of output pixels that have a code
  std::size_t row_pitch, pixel_pitch;       // of the codes, from one output pixel to the next
  std::size_t y;                            // the first output row
  std::size_t partner_row, partner_column;  // from an output pixel to its partner
};

// Codes of `rows` x `columns` pixels of the extended image from `first` on, and of those `distance` units
// farther.
inline void make_codes(const std::uint64_t* first, std::size_t distance, std::size_t rows,
                       std::size_t columns, std::size_t partner_columns, const Extended<std::uint64_t>& e,
                       std::size_t tap_steps, std::uint16_t* to) {
  for (std::size_t r = 0; r < rows; ++r, first += e.row_pitch)
    for (std::size_t c = 0; c < columns; ++c, to += tap_steps)
      for (std::size_t u = 0; u < e.units; ++u) {
        const std::uint64_t* a = first + c * e.units + u;
        store_codes(*a, c < partner_columns ? a[distance] : 0, to + 16 * u);
      }
  std::memset(to, 0, 32 * sizeof *to);  // what filled-up runs read behind the last
}

struct Job {
  const ConvProgram& p;
  const Piece* pieces;
  std::size_t piece_count;
  const std::uint8_t* tables[2];
  std::size_t steps;  // of a vector of lanes
  __m256i* counts;    // [kPairsPerChunk][vectors][4]
};

constexpr std::size_t kPanelSteps = 288;  // of two vectors: 18 KB of weights stay in L1

// By value: what a reference leads to would be read again after every byte that is stored.
template <int vectors, class T>
void count_pairs(const Job job, const Pairs pairs, std::size_t lane, const Lanes<T> lanes) {
  const ConvProgram& p = job.p;
  const std::size_t pitch = job.steps * kNibbleLanes, total = pairs.rows * pairs.columns;
  const auto* panel0 = static_cast<const std::uint8_t*>(p.weights) + lane * job.steps;
  const Finish finish{p.threshold16 + lane, p.constant + lane, p.constant16 + lane, p.shift,
                      p.invert + lane / 8,  p.lanes()};
  const std::size_t width = p.shape.out_width();
  T* first_to = lanes.at(pairs.y, 0, lane);
  const std::uint32_t *row_class = p.row_class + pairs.y, *column_class = p.column_class;
  const std::size_t partner = (pairs.partner_row * width + pairs.partner_column) * lanes.pitch;
  for (std::size_t chunk = 0; chunk < total; chunk += kPairsPerChunk) {
    const std::size_t chunk_end = std::min(total, chunk + kPairsPerChunk);
    const std::uint8_t* panel = panel0;
    for (const Piece *first = job.pieces, *end = first + job.piece_count; first != end;) {
      const Piece* last = first;
      std::size_t steps = 0;
      do steps += kNibblesSummed * last->triples;
      while (++last != end && (steps < kPanelSteps || !last[-1].widen));
      const bool starts = first == job.pieces, ends = last == end;
      std::size_t y = chunk / pairs.columns, x = chunk % pairs.columns;
      for (std::size_t i = chunk; i < chunk_end; ++i) {
        __m256i* parked = job.counts + (i - chunk) * vectors * 4;
        __m256i counts[4 * vectors];
        repeat<4 * vectors>(
            BINMORPH_UNROLL(k) { counts[k] = starts ? _mm256_setzero_si256() : load(parked + k); });
        count_pair<vectors>(first, last, pairs.codes + y * pairs.row_pitch + x * pairs.pixel_pitch, panel,
                            pitch, job.tables, counts);
        if (ends) {
          T* to = first_to + i * lanes.pitch;
          const std::size_t first_class = row_class[y] + column_class[x];
          for (int v = 0; v < vectors; ++v) put(finish, first_class, v, counts[4 * v], counts[4 * v + 1], to);
          if (x + pairs.partner_column < width) {  // the last pixel of an odd row has no partner
            to += partner;
            const std::size_t second_class =
                row_class[y + pairs.partner_row] + column_class[x + pairs.partner_column];
            for (int v = 0; v < vectors; ++v)
              put(finish, second_class, v, counts[4 * v + 2], counts[4 * v + 3], to);
          }
        } else {
          repeat<4 * vectors>(BINMORPH_UNROLL(k) { store(parked + k, counts[k]); });
        }
        if (++x == pairs.columns) x = 0, ++y;
      }
      panel += steps * kNibbleLanes;
      first = last;
    }
  }
}

// Pieces in the order of the weights.
inline std::size_t make_pieces(const ConvShape& s, const NibbleRuns& runs, std::size_t row_pitch,
                               std::size_t copies, Piece* to) {
  std::size_t count = 0, steps = 0;
  for (std::size_t copy = 0; copy < copies; ++copy)
    for (std::size_t r = 0; r < runs.count; ++r)
      for (std::size_t at = 0; at < runs.padded; at += kPieceSteps) {
        const std::size_t size = std::min(kPieceSteps, runs.padded - at);
        if (count > 0 && steps + size > kStepsPerSum) to[count - 1].widen = 1, steps = 0;
        const std::size_t tap =
            r / runs.columns * s.dilation_h * row_pitch + r % runs.columns * s.dilation_w * runs.tap_steps;
        to[count++] = {static_cast<std::uint32_t>(tap + at),
                       static_cast<std::uint16_t>(size / kNibblesSummed), 0, static_cast<std::uint8_t>(copy)};
        steps += size;
      }
  to[count - 1].widen = 1;
  return count;
}

template <class T>
void count_lanes(const Job& job, const Pairs& pairs, std::size_t lane, std::size_t end,
                 const Lanes<T>& lanes) {
  for (; lane + 2 * kNibbleLanes <= end; lane += 2 * kNibbleLanes) count_pairs<2>(job, pairs, lane, lanes);
  if (lane < end) count_pairs<1>(job, pairs, lane, lanes);
}

template <class T, class Y>
inline void run(const ConvProgram& p, const std::uint64_t* x, Y* y, std::size_t y_pitch,
                const ConvRange& range, std::uint64_t* scratch) {
  if (range.row_begin == range.row_end) return;
  const ConvShape& s = p.shape;
  const std::size_t copies = p.form == ConvForm::ternary ? 2 : 1;
  const NibbleRuns runs(s);
  const NibbleScratch sizes(s, copies);
  const Extended<std::uint64_t> e = extend(s, x, range.row_begin, range.row_end, scratch);
  scratch += extended_words<std::uint64_t>(s);
  auto* row_codes = reinterpret_cast<std::uint16_t*>(scratch);
  auto* column_codes = reinterpret_cast<std::uint16_t*>(scratch += sizes.row_codes);
  auto* pieces = reinterpret_cast<Piece*>(scratch += sizes.column_codes);
  auto* counts = reinterpret_cast<__m256i*>(scratch += sizes.pieces);
  const Lanes<T> lanes = place_lanes(p, range, y, y_pitch, scratch + sizes.counts);

  const std::size_t width = s.out_width(), rows = (range.row_end - range.row_begin) / 2;
  const std::size_t columns = (width + 1) / 2;
  const bool odd = (range.row_end - range.row_begin) % 2 != 0;
  const std::size_t row_columns = s.extended_width(),
                    column_columns = (columns - 1) * s.stride_w + s.window_w();
  const std::uint8_t* tables[2] = {p.form == ConvForm::sign ? kXorTable.rows[0] : kAndTable.rows[0],
                                   kAndNotTable.rows[0]};
  const auto pieces_for = [&](std::size_t code_columns) {
    return Job{p,
               pieces,
               make_pieces(s, runs, code_columns * runs.tap_steps, copies, pieces),
               {tables[0], tables[1]},
               copies * runs.count * runs.padded,
               counts};
  };
  for_each_group(p, range, [&](std::size_t g, std::size_t begin, std::size_t end) {
    const std::size_t first = g * p.group_lanes;
    if (rows > 0) {  // the upper half of the rows with the lower half
      make_codes(e.pixel(s, g, range.row_begin, 0), rows * s.stride_h * e.row_pitch,
                 (rows - 1) * s.stride_h + s.window_h(), row_columns, row_columns, e, runs.tap_steps,
                 row_codes);
      const Pairs pairs{row_codes,
                        rows,
                        width,
                        s.stride_h * row_columns * runs.tap_steps,
                        s.stride_w * runs.tap_steps,
                        range.row_begin,
                        rows,
                        0};
      count_lanes(pieces_for(row_columns), pairs, first + begin, first + end, lanes);
    }
    if (odd) {  // the left half of the last row with the right half
      const std::size_t distance = columns * s.stride_w;
      make_codes(e.pixel(s, g, range.row_end - 1, 0), distance * e.units, s.window_h(), column_columns,
                 row_columns - std::min(row_columns, distance), e, runs.tap_steps, column_codes);
      const Pairs pairs{column_codes,      1, columns, 0, s.stride_w * runs.tap_steps,
                        range.row_end - 1, 0, columns};
      count_lanes(pieces_for(column_columns), pairs, first + begin, first + end, lanes);
    }
  });
  finish_lanes(p, range, lanes, y, y_pitch);
}

}  // namespace

BINMORPH_CONV2D_KERNELS(x86_avx2_lutp)

}  // namespace binmorph::kernels
