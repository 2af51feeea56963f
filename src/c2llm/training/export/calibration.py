"""Texts of many kinds on which int8 export measures the range of each channel.

They are code in the usual languages, questions, prose, other scripts and the shortest texts, on
which special tokens weigh most. None is a probe of the parity check. Whoever exports a model for
other texts gives some of his own beside them (`c2llm export --calibrate FILE`).
"""

from __future__ import annotations

from textwrap import dedent

SHORT = (
    "",
    "a",
    "y",
    "retry",
    "README",
    "?",
    "{}",
    "how to reverse a linked list",
    "read a csv file into a list of dictionaries",
    "which function validates the email address?",
    "where does the server close idle connections",
    "open file for append c++",
    "sort map by value golang",
    "mutex vs semaphore",
    "find the longest common prefix of an array of strings",
    "kubernetes pod restarts when memory limit is reached",
    "merge two sorted arrays without extra space",
    "IndexError: list index out of range",
    "parseJsonBody handle_http_error MAX_CONNECTIONS",
    "Verbindung zur Datenbank herstellen",
    "ファイルを一行ずつ読む",
    "如何反转字符串",
    "как прочитать файл построчно",
    "emoji 🎉 and symbols ∑ ≤ → ©",
)

PROSE = (
    "The cache keeps the most recently used entries and evicts the others once its capacity is "
    "reached. Entries also expire after a fixed time, which is checked when they are read.",
    "Install the package, set the environment variable and run the command again. If the port is "
    "in use, choose another one in the configuration file.",
    "Changed: the client retries requests that failed with status 429 or 503. Fixed: a race "
    "between shutdown and the heartbeat thread. Removed: support for version 2 of the protocol.",
    "The quick brown fox jumps over the lazy dog, and everyone in the village was happy about it.",
)

CODE = (
    """
    def moving_average(values: list[float], window: int) -> list[float]:
        \"\"\"Average of each run of `window` neighbouring values.\"\"\"
        total = sum(values[:window])
        averages = [total / window]
        for old, new in zip(values, values[window:]):
            total += new - old
            averages.append(total / window)
        return averages
    """,
    """
    class RateLimiter:
        def __init__(self, per_second: float) -> None:
            self._interval = 1.0 / per_second
            self._next = 0.0
            self._lock = threading.Lock()

        async def acquire(self) -> None:
            with self._lock:
                now = time.monotonic()
                wait = max(0.0, self._next - now)
                self._next = max(now, self._next) + self._interval
            if wait:
                await asyncio.sleep(wait)
    """,
    """
    export async function fetchUser(id: string, signal?: AbortSignal): Promise<User | null> {
      const response = await fetch(`/api/users/${encodeURIComponent(id)}`, { signal });
      if (response.status === 404) return null;
      if (!response.ok) throw new HttpError(response.status, await response.text());
      return (await response.json()) as User;
    }
    """,
    """
    const Button = ({ label, onClick, disabled = false }) => (
      <button className="btn btn-primary" disabled={disabled} onClick={onClick}>
        {label}
      </button>
    );
    """,
    """
    func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
        s.mu.RLock()
        defer s.mu.RUnlock()
        value, ok := s.items[key]
        if !ok {
            return nil, fmt.Errorf("get %q: %w", key, ErrNotFound)
        }
        return append([]byte(nil), value...), nil
    }
    """,
    """
    impl<T: Ord> BinaryHeap<T> {
        pub fn push(&mut self, item: T) {
            let mut child = self.items.len();
            self.items.push(item);
            while child > 0 {
                let parent = (child - 1) / 2;
                if self.items[child] <= self.items[parent] { break; }
                self.items.swap(child, parent);
                child = parent;
            }
        }
    }
    """,
    """
    #include <stdio.h>
    static int copy_stream(FILE *in, FILE *out) {
        char buffer[4096];
        size_t n;
        while ((n = fread(buffer, 1, sizeof buffer, in)) > 0)
            if (fwrite(buffer, 1, n, out) != n) return -1;
        return ferror(in) ? -1 : 0;
    }
    """,
    """
    template <typename T>
    class Matrix {
     public:
      Matrix(std::size_t rows, std::size_t cols) : rows_(rows), cols_(cols), data_(rows * cols) {}
      T& operator()(std::size_t r, std::size_t c) { return data_[r * cols_ + c]; }
     private:
      std::size_t rows_, cols_;
      std::vector<T> data_;
    };
    """,
    """
    @Override
    public Optional<Order> findById(long id) {
        try (PreparedStatement statement = connection.prepareStatement(SELECT_BY_ID)) {
            statement.setLong(1, id);
            ResultSet rows = statement.executeQuery();
            return rows.next() ? Optional.of(mapRow(rows)) : Optional.empty();
        } catch (SQLException e) {
            throw new DataAccessException("cannot read order " + id, e);
        }
    }
    """,
    """
    public static IEnumerable<IReadOnlyList<T>> Chunk<T>(this IEnumerable<T> source, int size)
    {
        var chunk = new List<T>(size);
        foreach (var item in source)
        {
            chunk.Add(item);
            if (chunk.Count == size) { yield return chunk; chunk = new List<T>(size); }
        }
        if (chunk.Count > 0) yield return chunk;
    }
    """,
    """
    def deliver(message)
      attempts ||= 0
      client.post("/messages", body: message.to_json)
    rescue Timeout::Error => e
      attempts += 1
      retry if attempts < 3
      logger.error("giving up: #{e.message}")
    end
    """,
    """
    function slugify(string $title): string {
        $slug = preg_replace('/[^a-z0-9]+/i', '-', trim($title));
        return strtolower(trim($slug, '-'));
    }
    """,
    """
    SELECT c.name, COUNT(o.id) AS orders, SUM(o.total) AS revenue
    FROM customers c LEFT JOIN orders o ON o.customer_id = c.id
    WHERE o.created_at >= '2024-01-01' GROUP BY c.name HAVING SUM(o.total) > 1000
    ORDER BY revenue DESC LIMIT 20;
    """,
    """
    #!/bin/sh
    set -eu
    for file in "$@"; do
      case $file in
        *.gz) gunzip -c "$file" ;;
        *) cat "$file" ;;
      esac
    done | sort | uniq -c | sort -rn | head -n 10
    """,
    """
    fun <T> Flow<T>.throttle(periodMillis: Long): Flow<T> = flow {
        var last = 0L
        collect { value ->
            val now = System.currentTimeMillis()
            if (now - last >= periodMillis) { last = now; emit(value) }
        }
    }
    """,
    """
    {
      "name": "example", "version": "1.2.0", "private": true,
      "scripts": {"build": "tsc -p .", "test": "vitest run"},
      "dependencies": {"react": "^18.2.0"}
    }
    """,
    """
    quicksort :: Ord a => [a] -> [a]
    quicksort [] = []
    quicksort (p:xs) = quicksort [x | x <- xs, x < p] ++ [p] ++ quicksort [x | x <- xs, x >= p]
    """,
    """
    body { margin: 0; font: 16px/1.5 system-ui, sans-serif; }
    @media (max-width: 600px) { nav > ul li { display: block; padding: .5rem 1rem; } }
    """,
)

_CODE = tuple(dedent(code).strip() for code in CODE)

LONG = ("\n\n\n".join(_CODE), "\n\n\n".join(reversed(_CODE)))
"""Up to the length that the model reads: some channels only grow in long texts."""

CALIBRATION_TEXTS: tuple[str, ...] = (*SHORT, *PROSE, *_CODE, *LONG)
"""All of them, some 3,000 tokens."""
