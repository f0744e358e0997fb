// SPDX-License-Identifier: Apache-2.0

// Acquires and releases go-zookeeper's locks by command. The protocol: ../README.md.
package main

import (
	"bufio"
	"fmt"
	"io/ioutil"
	"log"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/samuel/go-zookeeper/zk"
)

var output sync.Mutex

func say(words ...interface{}) {
	output.Lock()
	defer output.Unlock()
	fmt.Println(words...)
}

func connect(timeout time.Duration) (*zk.Conn, <-chan zk.Event) {
	conn, events, err := zk.Connect(strings.Split(os.Args[1], ","), timeout,
		zk.WithLogInfo(false), zk.WithLogger(log.New(ioutil.Discard, "", 0)))
	if err != nil {
		log.Fatal(err)
	}
	for e := range events {
		if e.State == zk.StateHasSession {
			break
		}
	}
	return conn, events
}

// A contender has a session of its own: by its owner its node is known, as the library gives it no data.
type contender struct {
	name     string
	conn     *zk.Conn
	lock     *zk.Lock
	commands chan []string
	timeout  time.Duration
	failed   bool
	mutex    sync.Mutex
	holding  bool
}

func (c *contender) setHolding(holding bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.holding = holding
}

func (c *contender) isHolding() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.holding
}

func (c *contender) session() string { return fmt.Sprintf("session=%x", uint64(c.conn.SessionID())) }

func (c *contender) connect() {
	conn, events := connect(c.timeout)
	c.conn = conn
	go func() {
		for e := range events {
			if e.State == zk.StateExpired && c.isHolding() {
				say(c.name, "lost")
			}
		}
	}()
}

func (c *contender) run() {
	c.connect()
	for words := range c.commands {
		answer, err := c.answer(words)
		if err != nil {
			answer = "failed " + err.Error()
		}
		c.failed = c.failed || err != nil
		say(c.name, answer)
	}
}

func (c *contender) answer(words []string) (string, error) {
	switch words[1] {
	case "new":
		if words[2] != "lock" {
			return "", fmt.Errorf("no %s", words[2])
		}
		// A call that fails may leave its node in the queue, in front of the contender itself. The library removes it in
		// one way only: with the session.
		if c.failed {
			c.conn.Close()
			c.connect()
			c.failed = false
		}
		c.lock = zk.NewLock(c.conn, words[3], zk.WorldACL(zk.PermAll))
		return "made " + c.session(), nil
	case "acquire":
		// The library knows no limit to a wait.
		if err := c.lock.Lock(); err != nil {
			return "", err
		}
		c.setHolding(true)
		return "acquired " + c.session(), nil
	case "work":
		// The library has no answer to this question; its user believes what it was last told.
		if c.isHolding() {
			return "working", nil
		}
		return "stopped", nil
	case "release":
		c.setHolding(false)
		if err := c.lock.Unlock(); err != nil {
			return "", err
		}
		return "released", nil
	case "count":
		rounds, _ := strconv.Atoi(words[2])
		for i := 0; i < rounds; i++ {
			if err := c.lock.Lock(); err != nil {
				return "", err
			}
			text, err := ioutil.ReadFile(words[3])
			if err != nil {
				return "", err
			}
			number, err := strconv.Atoi(string(text))
			if err != nil {
				return "", err
			}
			time.Sleep(time.Millisecond)
			if err := ioutil.WriteFile(words[3], []byte(strconv.Itoa(number+1)), 0600); err != nil {
				return "", err
			}
			if err := c.lock.Unlock(); err != nil {
				return "", err
			}
		}
		return fmt.Sprintf("counted %d torn 0", rounds), nil
	}
	return "", fmt.Errorf("no %s", words[1])
}

func main() {
	milliseconds, _ := strconv.Atoi(os.Args[2])
	timeout := time.Duration(milliseconds) * time.Millisecond
	// Beside the input, whose end must be seen even if there is no server.
	go func() {
		probe, _ := connect(timeout)
		probe.Close()
		say("ready")
	}()
	contenders := map[string]*contender{}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		c := contenders[words[0]]
		if c == nil {
			c = &contender{name: words[0], timeout: timeout, commands: make(chan []string, 100)}
			contenders[words[0]] = c
			go c.run()
		}
		c.commands <- words
	}
}
