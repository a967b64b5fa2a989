package main

// A day of a sales team in Go. It ends with 0, or says what surprised it and ends with 1.

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const password = "one long password"

type object = map[string]any

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func refused(err error, key string) {
	var told *Error
	if !errors.As(err, &told) || told.Key != key {
		panic(fmt.Sprintf("%s was expected, and not %v", key, err))
	}
	fmt.Println("refused:", err)
}

func makeDeals(admin *Session) {
	var company struct{ ID string }
	must(admin.Call("record.create", object{
		"entity": "crm.account", "values": object{"name": "上海加喜企业服务有限公司", "city": "上海"},
	}, &company))
	for number := 1; number <= 6; number++ {
		values := object{
			"title": fmt.Sprintf("执照变更 %d", number), "account": company.ID,
			"amount":     object{"amount": fmt.Sprintf("%d.50", 1000*number), "currency": "CNY"},
			"engaged_on": fmt.Sprintf("2026-11-%d", 20+number),
		}
		if number%2 == 0 {
			values["owner"] = "韩梅梅"
		}
		must(admin.Call("record.create", object{"entity": "crm.opportunity", "values": values}, nil))
	}
}

func theDay(crm *Crm) {
	admin, err := crm.SignIn("admin", password)
	must(err)
	defer admin.Free()
	must(admin.Call("user.create", object{
		"values": object{"name": "韩梅梅"}, "password": password, "roles": []string{"salesperson"},
	}, nil))
	makeDeals(admin)

	hers, err := crm.SignIn("韩梅梅", password)
	must(err)
	defer hers.Free()
	all, err := admin.Count(Query{Entity: "crm.opportunity"})
	must(err)
	own, err := hers.Count(Query{Entity: "crm.opportunity"})
	must(err)
	fmt.Printf("admin sees %d deals, 韩梅梅 %d\n", all, own)
	if all != 6 || own != 3 {
		panic("a salesperson sees her own deals")
	}

	newest, err := hers.Run(Query{
		Entity: "crm.opportunity", Filter: `{"status":"open"}`, Sort: "engaged_on", Descending: true, Limit: 3,
	})
	must(err)
	for _, row := range newest {
		fmt.Println(row["engaged_on"], row["title"], row["amount"])
	}
	deal := object{"id": newest[0]["id"]}
	must(hers.Call("opportunity.win", deal, nil))
	refused(hers.Call("opportunity.lose", object{"id": newest[0]["id"], "reason": "价格"}, nil), "model.invalid_transition")

	hits, err := admin.Search("加喜", 3)
	must(err)
	fmt.Println("found", hits[0]["title"])
	refused(admin.Call("record.create", object{"entity": "crm.account", "values": object{"city": "上海"}}, nil),
		"schema.required")
	must(admin.Call("ledger.verify", object{}, nil))
	fmt.Println("The ledger verifies")
}

func main() {
	folder, err := os.MkdirTemp("", "guanxi-")
	must(err)
	defer os.RemoveAll(folder)
	path, key := filepath.Join(folder, "day.guanxi"), []byte("an example key never for a host!")
	crm, err := Create(path, key, "admin", password)
	must(err)
	theDay(crm)
	must(crm.Close())
	_, err = Open(path, make([]byte, 32))
	refused(err, "storage.wrong_key")
	crm, err = Open(path, key)
	must(err)
	must(crm.Close())
	if LiveHandles() != 0 {
		panic("a handle was not freed")
	}
}
