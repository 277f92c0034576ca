// A static Go program: goroutines on several threads, channels, timers, garbage collection.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"sync"
	"time"
)

func main() {
	runtime.GOMAXPROCS(4)
	results := make(chan int, 100)
	var group sync.WaitGroup
	for i := 0; i < 1000; i++ {
		group.Add(1)
		go func(n int) {
			defer group.Done()
			garbage := make([][]byte, 0)
			for j := 0; j < 20; j++ {
				garbage = append(garbage, make([]byte, 1000*(j+1)))
			}
			results <- n * len(garbage)
		}(i)
	}
	go func() {
		group.Wait()
		close(results)
	}()
	sum := 0
	for result := range results {
		sum += result
	}
	fmt.Println("sum", sum)
	runtime.GC()
	select {
	case <-time.After(5 * time.Millisecond):
		fmt.Println("timer")
	}
	words := strings.Fields("the quick brown fox jumps over the lazy dog")
	sort.Strings(words)
	fmt.Println(words)
	if err := os.WriteFile("file", []byte("text"), 0600); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	text, err := os.ReadFile("file")
	fmt.Println(string(text), err)
	_, err = os.Open("no such file")
	fmt.Println(err)
	func() {
		defer func() { fmt.Println("recovered:", recover()) }()
		var nothing *int
		fmt.Println(*nothing)
	}()
}
