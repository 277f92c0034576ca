// A C++ program with 64 threads that throw and catch exceptions, with library containers, futures and shared locks.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <iostream>
#include <map>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static std::mutex mutex;
static std::map<std::string, int> caught;
static std::atomic<long> total;

struct Guard {
    ~Guard() { total++; }
};

static void deep(int depth, int seed)
{
    Guard guard;
    if (depth > 0)
        return deep(depth - 1, seed);
    switch (seed % 4) {
    case 0:
        throw std::runtime_error("runtime");
    case 1:
        throw std::out_of_range("range");
    case 2:
        throw seed;
    default:
        (void)std::string("short").at(99);
    }
}

static void work(int number)
{
    for (int i = 0; i < 200; i++) {
        std::string name;
        try {
            deep(10, number + i);
        } catch (const std::out_of_range &) {
            name = "out_of_range";
        } catch (const std::exception &error) {
            name = error.what();
        } catch (int) {
            name = "int";
        }
        std::lock_guard<std::mutex> lock(mutex);
        caught[name]++;
    }
}

int main()
{
    std::vector<std::thread> threads;
    for (int i = 0; i < 64; i++)
        threads.emplace_back(work, i);
    for (auto &thread : threads)
        thread.join();
    for (const auto &[name, count] : caught)
        std::cout << name << ": " << count << "\n";
    std::cout << "frames unwound: " << total << "\n";

    std::vector<std::future<long>> parts;
    for (int i = 0; i < 8; i++)
        parts.push_back(std::async(std::launch::async, [i] {
            std::vector<long> numbers(100000);
            std::iota(numbers.begin(), numbers.end(), i * 100000L);
            std::reverse(numbers.begin(), numbers.end());
            std::sort(numbers.begin(), numbers.end());
            return std::accumulate(numbers.begin(), numbers.end(), 0L);
        }));
    long sum = 0;
    for (auto &part : parts)
        sum += part.get();
    std::cout << "sum: " << sum << "\n";
    auto failing = std::async(std::launch::async, []() -> int { throw std::logic_error("from afar"); });
    try {
        failing.get();
    } catch (const std::logic_error &error) {
        std::cout << "caught " << error.what() << "\n";
    }
    return 0;
}
